from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tensorflow_metadata.proto.v0 import anomalies_pb2
from tfx.types import artifact_utils, standard_artifacts

from components import errors, progress
from components.data_gate import history
from components.data_gate.component import REPORT_FILE, Executor
from components.data_gate.settings import ValidationConfig

StatisticsOf = Callable[..., Any]
Gate = Callable[..., str]
SPLITS = ("train", "eval", "test")
ENGLISH = ["en"] * 300
MIXED = ["en"] * 150 + ["fr"] * 150


@pytest.fixture
def gate(tmp_path: Path, statistics_of: StatisticsOf) -> Gate:
    """Runs the executor on a train split with these languages; gives its report."""
    runs = 0

    def run(
        train: list[str],
        held_out: list[str] | None = None,
        anomalies: anomalies_pb2.Anomalies | None = None,
        configuration: str = "as it was",
        **settings: Any,
    ) -> str:
        nonlocal runs
        runs += 1
        statistics, found = standard_artifacts.ExampleStatistics(), standard_artifacts.ExampleAnomalies()
        report = standard_artifacts.ExampleAnomalies()
        for artifact, name in ((statistics, "statistics"), (found, "anomalies"), (report, "report")):
            artifact.uri = str(tmp_path / f"{name}-{runs}")
            artifact.split_names = artifact_utils.encode_split_names(SPLITS)
        for split in SPLITS:
            languages = train if split == "train" else held_out or train
            content = statistics_of(languages, [5] * len(languages))
            _write(artifact_utils.get_split_uri([statistics], split), "FeatureStats.pb", content)
            problems = anomalies or anomalies_pb2.Anomalies()
            _write(artifact_utils.get_split_uri([found], split), "SchemaDiff.pb", problems)
        Executor().Do(
            {"statistics": [statistics], "anomalies": [found]},
            {"report": [report]},
            {
                "settings": ValidationConfig(**settings).model_dump_json(),
                "configuration": configuration,
                "base_path": str(tmp_path / "accepted"),
            },
        )
        return Path(report.uri, REPORT_FILE).read_text()

    return run


def _write(folder: str, name: str, message: Any) -> None:
    Path(folder).mkdir(parents=True)
    Path(folder, name).write_bytes(message.SerializeToString())


def test_the_first_data_is_accepted(gate: Gate) -> None:
    assert gate(ENGLISH) == "accepted: no earlier run to compare with\n"


def test_the_same_data_again_is_like_the_run_before(gate: Gate, tmp_path: Path) -> None:
    gate(ENGLISH)

    assert gate(ENGLISH) == "accepted: like the 300 documents of the run before\n"
    assert [path.name for path in (tmp_path / "accepted").iterdir()] == ["1"]


def test_data_that_drifted_stops_the_run_and_says_what_was_expected(gate: Gate) -> None:
    gate(ENGLISH)

    with pytest.raises(errors.DataError) as caught:
        gate(MIXED)

    assert str(caught.value) == (
        "the documents were not accepted, and nothing is trained on them: language: 'en' was 100.0% of the "
        "documents and is 50.0% (distance 0.5, at most 0.1 allowed), since the run before. Correct the data, "
        "or accept it: run once with --set validation.drift=warn, or raise the bounds in [validation]"
    )


def test_blocked_data_is_no_standard_for_the_next_run(gate: Gate) -> None:
    gate(ENGLISH)
    for _ in range(2):
        with pytest.raises(errors.DataError):
            gate(MIXED)

    assert "like the" in gate(ENGLISH)


def test_data_accepted_once_is_the_standard_from_then_on(
    gate: Gate, caplog: pytest.LogCaptureFixture
) -> None:
    gate(ENGLISH)

    with caplog.at_level(logging.WARNING, progress.LOGGER_NAME):
        assert "language: 'en' was 100.0%" in gate(MIXED, drift="warn")
    assert "language: 'en' was 100.0%" in caplog.text
    assert "like the" in gate(MIXED)


def test_what_the_configuration_asks_for_is_told_and_blocks_nothing(gate: Gate) -> None:
    gate(ENGLISH)

    assert "since the configuration was changed" in gate(MIXED, configuration="changed")
    assert "like the" in gate(MIXED, configuration="changed")


def test_skew_between_the_splits_is_told_and_blocks_when_asked_to(gate: Gate) -> None:
    assert gate(ENGLISH, held_out=MIXED).count("from train to") == 2

    with pytest.raises(errors.DataError, match="from train to eval"):
        gate(ENGLISH, held_out=MIXED, skew="block")


def test_few_documents_are_not_compared(gate: Gate) -> None:
    gate(ENGLISH)

    assert gate(MIXED, min_documents=301).startswith("accepted: fewer than 301 documents")


def test_what_is_off_is_not_looked_at(gate: Gate) -> None:
    gate(ENGLISH)

    assert gate(MIXED, held_out=ENGLISH, drift="off", skew="off") == (
        "not compared with an earlier run: validation.drift is off\n"
    )


def test_an_error_of_the_example_validator_blocks_and_a_rare_value_does_not(gate: Gate) -> None:
    def anomalies(kind: int) -> anomalies_pb2.Anomalies:
        found = anomalies_pb2.Anomalies()
        info = found.anomaly_info["num_words"]
        info.severity = anomalies_pb2.AnomalyInfo.ERROR
        info.description = "The feature was missing."
        info.reason.add(type=kind)
        return found

    assert "accepted" in gate(
        ENGLISH, anomalies=anomalies(anomalies_pb2.AnomalyInfo.ENUM_TYPE_UNEXPECTED_STRING_VALUES)
    )
    with pytest.raises(errors.DataError, match=r"num_words: The feature was missing. \(in train\)"):
        gate(ENGLISH, anomalies=anomalies(anomalies_pb2.AnomalyInfo.SCHEMA_MISSING_COLUMN))


def test_only_the_newest_entries_are_kept(tmp_path: Path, statistics_of: StatisticsOf) -> None:
    statistics = statistics_of(["en"], [1])
    base_path = str(tmp_path / "accepted")

    for number in range(history.MAX_ENTRIES + 3):
        history.add(base_path, statistics, history.Origin(configuration=str(number)))

    assert sorted(int(path.name) for path in Path(base_path).iterdir()) == list(
        range(4, history.MAX_ENTRIES + 4)
    )
    found = history.latest(base_path)
    assert found is not None
    assert found[1].configuration == str(history.MAX_ENTRIES + 2)
