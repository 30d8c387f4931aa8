"""Pusher: publishes a doubly blessed model, whole or not at all, and only once.

TFX's own copies into the folder that servers watch, file by file, and makes a new version of
a model that is there already. This one takes over TFX's blessing checks and its outputs;
`components.model_store` does the publishing.
"""

from __future__ import annotations

from typing import Any

from tfx import types
from tfx.components.pusher import executor
from tfx.components.util import model_utils
from tfx.dsl.components.base import base_component, executor_spec
from tfx.dsl.io import fileio
from tfx.types import artifact_utils, standard_artifacts
from tfx.types.component_spec import ChannelParameter, ComponentSpec, ExecutionParameter

from components import model_store, progress
from components.evaluator import summary
from models import manifest

MODEL = "model"
EVALUATION = "evaluation"
MODEL_BLESSING = "model_blessing"
INFRA_BLESSING = "infra_blessing"
TASK_BLESSING = "task_blessing"
PUSHED_MODEL = "pushed_model"
MODEL_BASE_PATH = "model_base_path"
MLMD_UUID = "mlmd_uuid"
"""Custom property of what was pushed: the content of `model_store.MLMD_UUID`."""


class PusherSpec(ComponentSpec):
    """A model, its evaluation and the blessings in, the tasks' if there are any; where it was pushed out."""

    PARAMETERS = {MODEL_BASE_PATH: ExecutionParameter(type=str)}  # noqa: RUF012
    INPUTS = {  # noqa: RUF012
        MODEL: ChannelParameter(type=standard_artifacts.Model),
        EVALUATION: ChannelParameter(type=standard_artifacts.ModelEvaluation),
        MODEL_BLESSING: ChannelParameter(type=standard_artifacts.ModelBlessing),
        INFRA_BLESSING: ChannelParameter(type=standard_artifacts.InfraBlessing),
        TASK_BLESSING: ChannelParameter(type=standard_artifacts.ModelBlessing, optional=True),
    }
    OUTPUTS = {PUSHED_MODEL: ChannelParameter(type=standard_artifacts.PushedModel)}  # noqa: RUF012


class Executor(executor.Executor):
    """Pushes, or says why not."""

    def Do(
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        pushed = artifact_utils.get_single_instance(output_dict[PUSHED_MODEL])
        fileio.makedirs(pushed.uri)
        if not self.CheckBlessing(input_dict) or not _is_blessed_by_tasks(input_dict):
            self._MarkNotPushed(pushed)
            progress.report("not pushed: a blessing is missing")
            return
        saved_model, base_path = self.GetModelPath(input_dict), exec_properties[MODEL_BASE_PATH]
        content = manifest.read(saved_model)
        there = [version for version, other in model_store.manifests(base_path) if content.same_model(other)]
        if there:
            version = there[0]
            progress.report(f"version {version} in {base_path} is this model: nothing to push")
        else:
            evaluation = summary.read(artifact_utils.get_single_uri(input_dict[EVALUATION]))
            content = content.model_copy(update={"evaluation": evaluation.metrics})
            version = model_store.push(saved_model, base_path, content)
            progress.report(f"version {version} in {base_path}")
        self._MarkPushed(pushed, model_store.path(base_path, version), str(version))
        identity = model_store.mlmd_uuid(model_store.path(base_path, version))
        if identity is not None:
            pushed.set_string_custom_property(MLMD_UUID, identity)


def _is_blessed_by_tasks(input_dict: dict[str, list[types.Artifact]]) -> bool:
    """Or there are no tasks."""
    blessings = input_dict.get(TASK_BLESSING)
    return not blessings or model_utils.is_model_blessed(artifact_utils.get_single_instance(blessings))


class Pusher(base_component.BaseComponent):
    """Publishes the model for servers.

    Outputs:
      pushed_model: ``PushedModel``, whose properties say the version and where it is.
    """

    SPEC_CLASS = PusherSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(Executor)

    def __init__(
        self,
        model: types.BaseChannel,
        evaluation: types.BaseChannel,
        model_blessing: types.BaseChannel,
        infra_blessing: types.BaseChannel,
        model_base_path: str,
        task_blessing: types.BaseChannel | None = None,
    ) -> None:
        super().__init__(
            spec=PusherSpec(
                model=model,
                evaluation=evaluation,
                model_blessing=model_blessing,
                infra_blessing=infra_blessing,
                task_blessing=task_blessing,
                model_base_path=model_base_path,
                pushed_model=types.Channel(type=standard_artifacts.PushedModel),
            )
        )
