"""Artifact types that TFX does not have, and the files within them."""

from __future__ import annotations

from typing import final

from tfx.types import artifact

TOKENIZER_MODEL = "tokenizer.model"
"""The one file of a `Tokenizer` artifact: a serialized SentencePiece model, or byte pairs in JSON
(`models.tokenizing.reading`)."""


@final
class Tokenizer(artifact.Artifact):
    """A folder that holds `TOKENIZER_MODEL`.

    Without ``PROPERTIES``, and named by an importable path: what Kubeflow asks of a custom type.
    """

    TYPE_NAME = "components.Tokenizer"


@final
class Rung(artifact.Artifact):
    """One model of a ladder: `components.rung_recorder.record.FILE`, whose figures are custom properties."""

    TYPE_NAME = "components.Rung"


@final
class Prediction(artifact.Artifact):
    """What smaller rungs say of a larger one: `components.emergence_report.prediction.FILE`."""

    TYPE_NAME = "components.Prediction"


@final
class EmergenceReport(artifact.Artifact):
    """A ladder read: `components.emergence_report.report.FILE` and `table.FILE`."""

    TYPE_NAME = "components.EmergenceReport"


@final
class TaskEvaluation(artifact.Artifact):
    """What few-shot tasks found: the files of `components.task_evaluator.results`, and their scalars for
    TensorBoard."""

    TYPE_NAME = "components.TaskEvaluation"
