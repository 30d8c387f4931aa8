"""RungPredictor: what the smaller rungs of a ladder say of its largest, before that one is trained."""

from __future__ import annotations

from typing import Any

from tfx import types
from tfx.dsl.components.base import base_component, base_executor, executor_spec
from tfx.types import artifact_utils
from tfx.types.component_spec import ChannelParameter, ComponentSpec, ExecutionParameter

from components import artifacts, progress
from components.emergence_report import prediction
from components.rung_recorder import record

RUNGS, PREDICTION = "rungs", "prediction"
NAME, COMPUTE = "name", "compute"


class RungPredictorSpec(ComponentSpec):
    """Records of the smaller rungs in, a prediction out."""

    PARAMETERS = {  # noqa: RUF012
        NAME: ExecutionParameter(type=str),
        COMPUTE: ExecutionParameter(type=float),
    }
    INPUTS = {RUNGS: ChannelParameter(type=artifacts.Rung)}  # noqa: RUF012
    OUTPUTS = {PREDICTION: ChannelParameter(type=artifacts.Prediction)}  # noqa: RUF012


class Executor(base_executor.BaseExecutor):
    """Fits, and writes `prediction.FILE`."""

    def Do(
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        records = [record.read(artifact.uri) for artifact in input_dict[RUNGS]]
        made = prediction.predict(records, exec_properties[NAME], exec_properties[COMPUTE])
        artifact = artifact_utils.get_single_instance(output_dict[PREDICTION])
        prediction.write(artifact.uri, made)
        artifact.set_string_custom_property("sha256", made.sha256)
        artifact.set_string_custom_property("made_at", made.made_at)
        artifact.set_float_custom_property("loss", made.loss.value)
        loss = made.loss
        progress.report(
            f"{made.family} {made.name}: loss {loss.value:.3f} ({loss.low:.3f} to {loss.high:.3f}), "
            f"from {len(records)} smaller models; sha256 {made.sha256[:16]}"
        )


class RungPredictor(base_component.BaseComponent):
    """Predicts one rung.

    Outputs:
      prediction: a ``Prediction``, see `prediction.Prediction`.
    """

    SPEC_CLASS = RungPredictorSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(Executor)

    def __init__(self, rungs: types.BaseChannel, name: str, compute: float) -> None:
        """Args:
        rungs: of one family, smaller than the one to predict.
        name: of the rung to predict.
        compute: FLOPs that it will take.
        """
        super().__init__(
            spec=RungPredictorSpec(
                rungs=rungs, name=name, compute=compute, prediction=types.Channel(type=artifacts.Prediction)
            )
        )
