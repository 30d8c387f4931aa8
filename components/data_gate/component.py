"""DataGate: no training on documents that are unlike those of the run before, unless they are accepted.

TFX's ExampleValidator writes down what it finds and stops nothing. This stage reads that, compares the
statistics with those of the last run whose data was accepted (`history`) and between the splits
(`comparison`), and fails the run, in words, when something is above a bound that is to block. The
stages that learn from the documents wait for it. What passes is accepted: the next run is compared with it.

Not compared are the texts themselves, only their measures (`components.documents.MEASURES`).
"""

from __future__ import annotations

from typing import Any

from tensorflow_metadata.proto.v0 import anomalies_pb2, statistics_pb2
from tfx import types
from tfx.dsl.components.base import base_component, base_executor, executor_spec
from tfx.dsl.io import fileio
from tfx.types import artifact_utils, standard_artifacts
from tfx.types.component_spec import ChannelParameter, ComponentSpec, ExecutionParameter
from tfx.utils import io_utils

from components import progress
from components.data_gate import comparison, history
from components.data_gate.comparison import Bounds
from components.data_gate.settings import Response, ValidationConfig
from components.errors import DataError

STATISTICS = "statistics"
ANOMALIES = "anomalies"
REPORT = "report"
SETTINGS = "settings"
CONFIGURATION = "configuration"
BASE_PATH = "base_path"
REPORT_FILE = "data_gate.txt"
_TRAIN = "train"
_HELD_OUT = ("eval", "test")


class DataGateSpec(ComponentSpec):
    """Statistics and what ExampleValidator made of them in, a report out."""

    PARAMETERS = {  # noqa: RUF012
        SETTINGS: ExecutionParameter(type=str),
        CONFIGURATION: ExecutionParameter(type=str),
        BASE_PATH: ExecutionParameter(type=str),
    }
    INPUTS = {  # noqa: RUF012
        STATISTICS: ChannelParameter(type=standard_artifacts.ExampleStatistics),
        ANOMALIES: ChannelParameter(type=standard_artifacts.ExampleAnomalies),
    }
    OUTPUTS = {REPORT: ChannelParameter(type=standard_artifacts.ExampleAnomalies)}  # noqa: RUF012


class Executor(base_executor.BaseExecutor):
    """Compares, tells, and blocks or accepts."""

    def Do(
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        settings = ValidationConfig.model_validate_json(exec_properties[SETTINGS])
        origin = history.Origin(configuration=exec_properties[CONFIGURATION])
        base_path = exec_properties[BASE_PATH]
        train = _statistics(input_dict, _TRAIN)
        earlier = history.latest(base_path)

        problems = [("block", line) for line in _structural_anomalies(input_dict)]
        problems += _drift(earlier, train, origin, settings)
        problems += _skew(train, input_dict, settings)
        blocking = [line for response, line in problems if response == "block"]
        if blocking:
            raise DataError(
                f"the documents were not accepted, and nothing is trained on them: {'; '.join(blocking)}. "
                "Correct the data, or accept it: run once with --set validation.drift=warn, "
                "or raise the bounds in [validation]"
            )
        for _, line in problems:
            progress.notice(line)
        if earlier is None or earlier[0] != train or earlier[1] != origin:
            history.add(base_path, train, origin)
        lines = [line for _, line in problems] or [_summary(earlier, train, settings)]
        report = artifact_utils.get_single_uri(output_dict[REPORT])
        fileio.makedirs(report)
        with fileio.open(f"{report}/{REPORT_FILE}", "w") as file:
            file.write("\n".join(lines) + "\n")
        progress.report(f"accepted, with {len(problems)} warnings" if problems else lines[0])


class DataGate(base_component.BaseComponent):
    """Stops a run before training when its documents have changed too much.

    Outputs:
      report: ``ExampleAnomalies`` whose one file, `REPORT_FILE`, says what was found, a line each.
    """

    SPEC_CLASS = DataGateSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(Executor)

    def __init__(
        self,
        statistics: types.BaseChannel,
        anomalies: types.BaseChannel,
        settings: ValidationConfig,
        configuration: str,
        base_path: str,
    ) -> None:
        """Args:
        statistics: of the documents, with a train split.
        anomalies: ExampleValidator's.
        settings: what is compared, and what blocks.
        configuration: fingerprint of the settings that decide which documents there are.
        base_path: folder of the accepted statistics (`history`).
        """
        super().__init__(
            spec=DataGateSpec(
                statistics=statistics,
                anomalies=anomalies,
                settings=settings.model_dump_json(),
                configuration=configuration,
                base_path=base_path,
                report=types.Channel(type=standard_artifacts.ExampleAnomalies),
            )
        )


def _drift(
    earlier: tuple[Any, history.Origin] | None,
    train: Any,
    origin: history.Origin,
    settings: ValidationConfig,
) -> list[tuple[Response, str]]:
    if earlier is None or settings.drift == "off" or not _is_compared((earlier[0], train), settings):
        return []
    statistics, before = earlier
    response: Response = settings.drift if before == origin else "warn"
    since = "since the run before" if before == origin else "since the configuration was changed"
    found = comparison.shifts(statistics, train, _bounds(settings), settings.ignore)
    return [(response, f"{shift}, {since}") for shift in found]


def _skew(
    train: Any, input_dict: dict[str, list[types.Artifact]], settings: ValidationConfig
) -> list[tuple[Response, str]]:
    if settings.skew == "off":
        return []
    problems: list[tuple[Response, str]] = []
    for split in _HELD_OUT:
        held_out = _statistics(input_dict, split)
        if _is_compared((train, held_out), settings):
            found = comparison.shifts(train, held_out, _bounds(settings), settings.ignore)
            problems += [(settings.skew, f"{shift}, from train to {split}") for shift in found]
    return problems


def _structural_anomalies(input_dict: dict[str, list[types.Artifact]]) -> list[str]:
    """ExampleValidator's errors, but for values that train happens not to have: how often those may
    occur is what the comparisons bound."""
    [artifact] = input_dict[ANOMALIES]
    values = anomalies_pb2.AnomalyInfo.ENUM_TYPE_UNEXPECTED_STRING_VALUES
    lines = []
    for split in artifact_utils.decode_split_names(artifact.split_names):
        folder = artifact_utils.get_split_uri([artifact], split)
        with fileio.open(io_utils.get_only_uri_in_dir(folder), "rb") as file:
            anomalies = anomalies_pb2.Anomalies.FromString(file.read())
        lines += [
            f"{feature}: {info.description} (in {split})"
            for feature, info in sorted(anomalies.anomaly_info.items())
            if info.severity == anomalies_pb2.AnomalyInfo.ERROR
            and any(reason.type != values for reason in info.reason)
        ]
    return lines


def _statistics(input_dict: dict[str, list[types.Artifact]], split: str) -> Any:
    folder = artifact_utils.get_split_uri(input_dict[STATISTICS], split)
    with fileio.open(io_utils.get_only_uri_in_dir(folder), "rb") as file:
        return statistics_pb2.DatasetFeatureStatisticsList.FromString(file.read())


def _is_compared(each: tuple[Any, ...], settings: ValidationConfig) -> bool:
    return all(comparison.num_documents(statistics) >= settings.min_documents for statistics in each)


def _bounds(settings: ValidationConfig) -> Bounds:
    return Bounds(settings.max_category_shift, settings.max_divergence)


def _summary(earlier: tuple[Any, history.Origin] | None, train: Any, settings: ValidationConfig) -> str:
    if settings.drift == "off":
        return "not compared with an earlier run: validation.drift is off"
    if earlier is None:
        return "accepted: no earlier run to compare with"
    if not _is_compared((earlier[0], train), settings):
        return f"accepted: fewer than {settings.min_documents:,} documents, too few to compare"
    return f"accepted: like the {comparison.num_documents(earlier[0]):,} documents of the run before"
