"""TokenizerTrainer: the train split's text to a SentencePiece model."""

from __future__ import annotations

from typing import Any, final

from tfx import types
from tfx.dsl.components.base import base_component, base_executor, executor_spec
from tfx.dsl.io import fileio
from tfx.types import artifact_utils, component_spec, standard_artifacts
from tfx.utils import io_utils

from components import progress
from components.artifacts import TOKENIZER_MODEL, Tokenizer
from components.config import TokenizerConfig

EXAMPLES = "examples"
SETTINGS = "settings"
TOKENIZER = "tokenizer"


class TokenizerTrainerSpec(component_spec.ComponentSpec):
    """Documents in, one model file out."""

    PARAMETERS = {SETTINGS: component_spec.ExecutionParameter(type=str)}  # noqa: RUF012
    INPUTS = {EXAMPLES: component_spec.ChannelParameter(type=standard_artifacts.Examples)}  # noqa: RUF012
    OUTPUTS = {TOKENIZER: component_spec.ChannelParameter(type=Tokenizer)}  # noqa: RUF012


@final
class Executor(base_executor.BaseExecutor):
    """Reads the train split once, in one process, and trains."""

    def Do(
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        settings = TokenizerConfig.model_validate_json(exec_properties[SETTINGS])
        raise NotImplementedError


@final
class TokenizerTrainer(base_component.BaseComponent):
    """Trains the tokenizer, on the train split only.

    Outputs:
      tokenizer: `components.artifacts.Tokenizer`.
    """

    SPEC_CLASS = TokenizerTrainerSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(Executor)

    def __init__(self, examples: types.BaseChannel, tokenizer: TokenizerConfig) -> None:
        super().__init__(
            spec=TokenizerTrainerSpec(
                examples=examples,
                settings=tokenizer.model_dump_json(),
                tokenizer=types.Channel(type=Tokenizer),
            )
        )
