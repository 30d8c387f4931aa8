"""ServingValidator: before a model is pushed, a server loads it and answers with it.

TFX's InfraValidator does this with Docker; this one starts the embedded server in a process
of its own, which proves that the SavedModel needs nothing of the trainer's, and it refuses
operations that the stock TensorFlow Serving image does not have.
"""

from __future__ import annotations

from typing import Any

from tfx import types
from tfx.dsl.components.base import base_component, base_executor, executor_spec
from tfx.dsl.io import fileio
from tfx.types import artifact_utils, standard_artifacts
from tfx.types.component_spec import ChannelParameter, ComponentSpec, ExecutionParameter
from tfx.utils import path_utils

from components import progress
from serving import validation

MODEL = "model"
BLESSING = "blessing"
MODEL_NAME = "model_name"
REPORT = "serving_validation.txt"


class ServingValidatorSpec(ComponentSpec):
    """A model in, a blessing out."""

    PARAMETERS = {MODEL_NAME: ExecutionParameter(type=str)}  # noqa: RUF012
    INPUTS = {MODEL: ChannelParameter(type=standard_artifacts.Model)}  # noqa: RUF012
    OUTPUTS = {BLESSING: ChannelParameter(type=standard_artifacts.InfraBlessing)}  # noqa: RUF012


class Executor(base_executor.BaseExecutor):
    """Marks the blessing as TFX's InfraValidator does, and writes what was wrong to `REPORT`."""

    def Do(
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        saved_model = path_utils.serving_model_path(artifact_utils.get_single_uri(input_dict[MODEL]))
        problems = validation.validate(saved_model, exec_properties[MODEL_NAME])
        blessing = artifact_utils.get_single_instance(output_dict[BLESSING])
        blessing.set_int_custom_property("blessed", int(not problems))
        fileio.makedirs(blessing.uri)
        marker = "INFRA_NOT_BLESSED" if problems else "INFRA_BLESSED"
        for name, content in ((REPORT, "\n".join(problems)), (marker, "")):
            with fileio.open(f"{blessing.uri}/{name}", "w") as file:
                file.write(content)
        if problems:
            progress.report(f"NOT servable: {'; '.join(problems)}")
        else:
            progress.report(
                "loads and answers over gRPC and REST, warm-up too; every op is in the stock server"
            )


class ServingValidator(base_component.BaseComponent):
    """Asks a real server.

    Outputs:
      blessing: ``InfraBlessing``.
    """

    SPEC_CLASS = ServingValidatorSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(Executor)

    def __init__(self, model: types.BaseChannel, model_name: str) -> None:
        super().__init__(
            spec=ServingValidatorSpec(
                model=model,
                model_name=model_name,
                blessing=types.Channel(type=standard_artifacts.InfraBlessing),
            )
        )
