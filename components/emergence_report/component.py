"""EmergenceReporter: the models of a ladder compared, task by task."""

from __future__ import annotations

from typing import Any, ClassVar

from tfx import types
from tfx.dsl.components.base import base_component, base_executor, executor_spec
from tfx.dsl.io import fileio
from tfx.types import artifact_utils
from tfx.types.component_spec import ChannelParameter, ComponentSpec

from components import artifacts, progress
from components.emergence_report import prediction, report, table
from components.rung_recorder import record

RUNGS, PREDICTIONS, REPORT = "rungs", "predictions", "report"


class EmergenceReporterSpec(ComponentSpec):
    """Records and predictions in, a report out."""

    PARAMETERS: ClassVar[dict[str, Any]] = {}
    INPUTS = {  # noqa: RUF012
        RUNGS: ChannelParameter(type=artifacts.Rung),
        PREDICTIONS: ChannelParameter(type=artifacts.Prediction, optional=True),
    }
    OUTPUTS = {REPORT: ChannelParameter(type=artifacts.EmergenceReport)}  # noqa: RUF012


class Executor(base_executor.BaseExecutor):
    """Reads all of it, and writes `report.FILE` and `table.FILE`."""

    def Do(
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        records = [record.read(artifact.uri) for artifact in input_dict[RUNGS]]
        predictions = [prediction.read(artifact.uri) for artifact in input_dict.get(PREDICTIONS, [])]
        reading = report.make(records, predictions)
        artifact = artifact_utils.get_single_instance(output_dict[REPORT])
        report.write(artifact.uri, reading)
        with fileio.open(f"{artifact.uri}/{table.FILE}", "w") as file:
            file.write(table.render(records))
        for task in reading.tasks:
            artifact.set_string_custom_property(f"{task.label}, {task.family}", task.verdict)
        kinds = [task.verdict for task in reading.tasks]
        told = ", ".join(f"{kinds.count(kind)} {kind}" for kind in dict.fromkeys(kinds))
        progress.report(f"{len(records)} models, {len(reading.labels)} tasks: {told}")


class EmergenceReporter(base_component.BaseComponent):
    """Compares the models of a ladder.

    Outputs:
      report: an ``EmergenceReport``, see `report.EmergenceReading`.
    """

    SPEC_CLASS = EmergenceReporterSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(Executor)

    def __init__(self, rungs: types.BaseChannel, predictions: types.BaseChannel | None = None) -> None:
        """Args:
        rungs: all records of the ladder.
        predictions: one a family, where there are any.
        """
        given = {} if predictions is None else {PREDICTIONS: predictions}
        super().__init__(
            spec=EmergenceReporterSpec(
                rungs=rungs, **given, report=types.Channel(type=artifacts.EmergenceReport)
            )
        )
