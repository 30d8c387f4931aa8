"""BaselineFinder: the model that the candidate must not fall behind.

That is the newest pushed version which is not the candidate itself: what a server
answers with today, and so the latest model that had both blessings. It is read from the
folder that models are pushed to rather than from a metadata store, which works the
same locally and on Kubeflow, whose open-source backend runs no TFX resolvers.
"""

from __future__ import annotations

from typing import Any

from tfx import types
from tfx.dsl.components.base import base_component, base_executor, executor_spec
from tfx.dsl.io import fileio
from tfx.types import artifact_utils, standard_artifacts
from tfx.types.component_spec import ChannelParameter, ComponentSpec, ExecutionParameter
from tfx.utils import io_utils, path_utils

from components import model_store, progress
from models import manifest

MODEL = "model"
BASELINE = "baseline"
MODEL_BASE_PATH = "model_base_path"


class BaselineFinderSpec(ComponentSpec):
    """A candidate in, a copy of the model served now out."""

    PARAMETERS = {MODEL_BASE_PATH: ExecutionParameter(type=str)}  # noqa: RUF012
    INPUTS = {MODEL: ChannelParameter(type=standard_artifacts.Model)}  # noqa: RUF012
    OUTPUTS = {BASELINE: ChannelParameter(type=standard_artifacts.Model)}  # noqa: RUF012


class Executor(base_executor.BaseExecutor):
    """Copies the baseline, so that a later push or clean-up cannot change this run's comparison.

    Where there is no baseline, the output folder stays empty.
    """

    def Do(
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        base_path = exec_properties[MODEL_BASE_PATH]
        candidate = manifest.read(
            path_utils.serving_model_path(artifact_utils.get_single_uri(input_dict[MODEL]))
        )
        output = artifact_utils.get_single_uri(output_dict[BASELINE])
        fileio.makedirs(output)
        for version, served in model_store.manifests(base_path):
            if served.same_model(candidate):
                continue
            io_utils.copy_dir(model_store.path(base_path, version), path_utils.serving_model_dir(output))
            progress.report(f"version {version} in {base_path}")
            return
        progress.report(f"none: no other model was pushed to {base_path} yet")


class BaselineFinder(base_component.BaseComponent):
    """Finds the model to compare with.

    Outputs:
      baseline: a ``Model``, or an empty folder.
    """

    SPEC_CLASS = BaselineFinderSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(Executor)

    def __init__(self, model: types.BaseChannel, model_base_path: str) -> None:
        super().__init__(
            spec=BaselineFinderSpec(
                model=model,
                model_base_path=model_base_path,
                baseline=types.Channel(type=standard_artifacts.Model),
            )
        )
