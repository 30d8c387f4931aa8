"""Trainer: TFX's own, with one input more.

The stock Trainer has no input for a tokenizer; this one hands its location, and the name of the
pipeline's run, to the ``run_fn`` in `components.trainer.run`.
"""

from __future__ import annotations

from typing import Any

from tfx import types
from tfx.components.trainer import component, executor, fn_args_utils
from tfx.dsl.components.base import base_component, executor_spec
from tfx.proto import trainer_pb2
from tfx.types import artifact_utils, standard_artifacts, standard_component_specs
from tfx.types.component_spec import ChannelParameter
from tfx.utils import json_utils

from components.artifacts import Tokenizer
from components.trainer.settings import CHECKPOINT_ROOT, RUN_ID, SETTINGS, TOKENIZER_URI, TrainerSettings

TOKENIZER = "tokenizer"


class TrainerSpec(standard_component_specs.TrainerSpec):
    """The stock Trainer's, and the tokenizer."""

    INPUTS = {  # noqa: RUF012
        **standard_component_specs.TrainerSpec.INPUTS,
        TOKENIZER: ChannelParameter(type=Tokenizer),
    }


class Executor(executor.GenericExecutor):
    """Adds to the ``run_fn``'s ``custom_config``, and keeps the curves of a training that fails."""

    def Do(
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """As the stock one. Where it raises, TFX removes the outputs."""
        try:
            super().Do(input_dict, output_dict, exec_properties)
        except Exception:
            from models.training import kept_logs

            model_run = output_dict[standard_component_specs.MODEL_RUN_KEY]
            kept_logs.keep(artifact_utils.get_single_uri(model_run))
            raise

    def _GetFnArgs(
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> fn_args_utils.FnArgs:
        fn_args = super()._GetFnArgs(input_dict, output_dict, exec_properties)
        fn_args.custom_config[TOKENIZER_URI] = artifact_utils.get_single_uri(input_dict[TOKENIZER])
        fn_args.custom_config[RUN_ID] = self._context.pipeline_run_id or "" if self._context else ""
        return fn_args


class Trainer(component.Trainer):
    """Trains a language model on packed rows and exports it.

    A run that was stopped goes on from its last checkpoint below ``checkpoint_root`` when the same
    settings meet the same rows and tokenizer again.

    Outputs:
      model: the SavedModel, with the signatures of `serving.contract`.
      model_run: TensorBoard event files.
    """

    SPEC_CLASS = TrainerSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(Executor)

    def __init__(
        self,
        packed_examples: types.BaseChannel,
        tokenizer: types.BaseChannel,
        settings: TrainerSettings,
        checkpoint_root: str,
    ) -> None:
        base_component.BaseComponent.__init__(
            self,
            spec=TrainerSpec(
                examples=packed_examples,
                tokenizer=tokenizer,
                run_fn="components.trainer.run.run_fn",
                train_args=trainer_pb2.TrainArgs(splits=["train"], num_steps=settings.training.num_steps),
                eval_args=trainer_pb2.EvalArgs(splits=["eval"], num_steps=settings.training.eval_batches),
                custom_config=json_utils.dumps(
                    {SETTINGS: settings.model_dump_json(), CHECKPOINT_ROOT: checkpoint_root}
                ),
                model=types.Channel(type=standard_artifacts.Model),
                model_run=types.Channel(type=standard_artifacts.ModelRun),
            ),
        )
