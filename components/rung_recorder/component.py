"""RungRecorder: what one model of a ladder is, cost and scored, in one artifact.

Its custom properties in ML Metadata are the model's N, D and C, its loss, and every metric of every task.
"""

from __future__ import annotations

import datetime
from typing import Any

from tfx import types
from tfx.dsl.components.base import base_component, base_executor, executor_spec
from tfx.types import artifact_utils, standard_artifacts
from tfx.types.component_spec import ChannelParameter, ComponentSpec, ExecutionParameter
from tfx.utils import path_utils

from components import progress
from components.artifacts import Rung, TaskEvaluation
from components.evaluator import summary
from components.rung_recorder import record, scores
from components.task_evaluator import results
from models import manifest
from models.networks.counts import count

MODEL, EVALUATION, TASKS, RUNG = "model", "evaluation", "tasks", "rung"
NAME, NUM_TOKENS = "name", "num_tokens"


class RungRecorderSpec(ComponentSpec):
    """A model and what was found of it in, a record out."""

    PARAMETERS = {  # noqa: RUF012
        NAME: ExecutionParameter(type=str),
        NUM_TOKENS: ExecutionParameter(type=int),
    }
    INPUTS = {  # noqa: RUF012
        MODEL: ChannelParameter(type=standard_artifacts.Model),
        EVALUATION: ChannelParameter(type=standard_artifacts.ModelEvaluation),
        TASKS: ChannelParameter(type=TaskEvaluation),
    }
    OUTPUTS = {RUNG: ChannelParameter(type=Rung)}  # noqa: RUF012


class Executor(base_executor.BaseExecutor):
    """Reads the three and writes `record.FILE`."""

    def Do(
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        folders = {name: artifact_utils.get_single_uri(input_dict[name]) for name in input_dict}
        model = manifest.read(path_utils.serving_model_path(folders[MODEL]))
        evaluation = summary.read(folders[EVALUATION])
        found = _record(
            model,
            evaluation,
            tuple(scores.scores(results.read(folders[TASKS]), list(results.read_items(folders[TASKS])))),
            exec_properties[NAME],
            exec_properties[NUM_TOKENS],
        )
        artifact = artifact_utils.get_single_instance(output_dict[RUNG])
        record.write(artifact.uri, found)
        for name, value in found.properties().items():
            _set(artifact, name, value)
        told = ", ".join(f"{task.label} {_mean(task.sharp):.0%}" for task in found.tasks)
        progress.report(f"{found.compute:.3g} FLOPs, loss {found.loss:.3f}; {told}")


class RungRecorder(base_component.BaseComponent):
    """Records one model of a ladder.

    Outputs:
      rung: a ``Rung``, see `record.RungRecord`.
    """

    SPEC_CLASS = RungRecorderSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(Executor)

    def __init__(
        self,
        model: types.BaseChannel,
        evaluation: types.BaseChannel,
        tasks: types.BaseChannel,
        name: str,
        num_tokens: int,
    ) -> None:
        """Args:
        model: the Trainer's.
        evaluation: the Evaluator's, of the same model.
        tasks: the TaskEvaluator's, of the same model.
        name: of the rung, shared by its seeds.
        num_tokens: positions that it was trained on.
        """
        super().__init__(
            spec=RungRecorderSpec(
                model=model,
                evaluation=evaluation,
                tasks=tasks,
                name=name,
                num_tokens=num_tokens,
                rung=types.Channel(type=Rung),
            )
        )


def _record(
    model: manifest.Manifest,
    evaluation: summary.EvaluationSummary,
    tasks: tuple[record.TaskScores, ...],
    name: str,
    num_tokens: int,
) -> record.RungRecord:
    overall = evaluation.metrics[summary.OVERALL]
    now = datetime.datetime.now(datetime.timezone.utc)
    parameters = count(model.model, model.vocabulary_size, model.context_length).non_embedding_parameters
    return record.RungRecord(
        name=name,
        family=model.model.family,
        seed=model.training.seed,
        num_parameters=parameters,
        num_tokens=num_tokens,
        compute=6.0 * parameters * num_tokens,
        loss=overall["loss"],
        bits_per_byte=overall["bits_per_byte"],
        training_seconds=model.training_seconds,
        recorded_at=now.isoformat(),
        training_began_at=model.training_began_at,
        weights_sha256=model.weights_sha256,
        tasks=tasks,
    )


def _set(artifact: types.Artifact, name: str, value: Any) -> None:
    if isinstance(value, str):
        artifact.set_string_custom_property(name, value)
    elif isinstance(value, int):
        artifact.set_int_custom_property(name, value)
    else:
        artifact.set_float_custom_property(name, float(value))


def _mean(values: tuple[float, ...]) -> float:
    return sum(values) / max(len(values), 1)
