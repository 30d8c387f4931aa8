"""SequencePacker: each split's documents to rows of one length."""

from __future__ import annotations

from typing import Any, final

from tfx import types
from tfx.dsl.components.base import base_beam_component, base_beam_executor, executor_spec
from tfx.types import component_spec, standard_artifacts

from components.artifacts import Tokenizer
from components.config import PackingConfig

EXAMPLES = "examples"
TOKENIZER = "tokenizer"
SETTINGS = "settings"
PACKED_EXAMPLES = "packed_examples"


class SequencePackerSpec(component_spec.ComponentSpec):
    """Documents and a tokenizer in, rows out."""

    PARAMETERS = {SETTINGS: component_spec.ExecutionParameter(type=str)}  # noqa: RUF012
    INPUTS = {  # noqa: RUF012
        EXAMPLES: component_spec.ChannelParameter(type=standard_artifacts.Examples),
        TOKENIZER: component_spec.ChannelParameter(type=Tokenizer),
    }
    OUTPUTS = {PACKED_EXAMPLES: component_spec.ChannelParameter(type=standard_artifacts.Examples)}  # noqa: RUF012


@final
class Executor(base_beam_executor.BaseBeamExecutor):
    """Packs every split of the documents."""

    def Do(
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        raise NotImplementedError


@final
class SequencePacker(base_beam_component.BaseBeamComponent):
    """Tokenises and packs.

    Outputs:
      packed_examples: ``Examples`` with the documents' splits, one row a record
        (`models.features.PACKED_ROW`), and the counts of `counts.PackingReport`.
    """

    SPEC_CLASS = SequencePackerSpec
    EXECUTOR_SPEC = executor_spec.BeamExecutorSpec(Executor)

    def __init__(
        self, examples: types.BaseChannel, tokenizer: types.BaseChannel, packing: PackingConfig
    ) -> None:
        super().__init__(
            spec=SequencePackerSpec(
                examples=examples,
                tokenizer=tokenizer,
                settings=packing.model_dump_json(),
                packed_examples=types.Channel(type=standard_artifacts.Examples),
            )
        )
