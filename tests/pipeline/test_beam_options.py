from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from components.config import CorpusConfig, SourceConfig
from pipeline import beam_options
from pipeline.config import BeamConfig, load
from pipeline.errors import ConfigError


def problems(runner: str = "FnApiRunner", *options: str) -> list[str]:
    return beam_options.problems(BeamConfig(runner=runner, options=options))


@pytest.fixture
def corpus(tmp_path: Path) -> CorpusConfig:
    with (tmp_path / "a.txt").open("wb") as file:
        file.truncate(1000)
    return CorpusConfig(path=str(tmp_path), sources=(SourceConfig(name="a", pattern="*.txt"),))


def test_a_small_corpus_is_read_in_this_process(
    corpus: CorpusConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(beam_options, "_cores", lambda: 4)

    assert beam_options.local(BeamConfig(), corpus) == ("--runner=FnApiRunner",)


def test_a_large_corpus_is_read_on_every_core(corpus: CorpusConfig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(beam_options, "_cores", lambda: 4)
    monkeypatch.setattr(beam_options, "MIN_PARALLEL_BYTES", 1000)

    options = beam_options.local(BeamConfig(), corpus)

    assert options[1:] == ("--direct_running_mode=multi_processing", "--direct_num_workers=4")
    assert len(beam_options.local(BeamConfig(num_workers=1), corpus)) == 1


def test_a_corpus_that_is_not_there_is_for_the_stage_to_report(tmp_path: Path) -> None:
    missing = CorpusConfig(path=str(tmp_path / "no"), sources=(SourceConfig(name="a", pattern="*"),))

    assert len(beam_options.local(BeamConfig(), missing)) == 1


def test_the_number_of_workers_may_be_said(corpus: CorpusConfig) -> None:
    assert "--direct_num_workers=3" in beam_options.local(BeamConfig(num_workers=3), corpus)


def test_options_that_beam_has_are_taken() -> None:
    dataflow = ("--project=p", "--region=europe-west1", "--temp_location=gs://b/t", "--no_use_public_ips")
    assert not problems("DataflowRunner", *dataflow, "--experiment=use_runner_v2", "--max_num_workers=20")
    assert not problems("FlinkRunner", "--flink_master=localhost:8081", "--parallelism=4")
    assert not problems("SparkRunner", "--spark_master_url=spark://h:7077")
    assert not problems()


@pytest.mark.parametrize(
    ("runner", "options", "expected"),
    [
        (
            "DataflowRunner",
            [],
            [
                "DataflowRunner needs --project=…",
                "DataflowRunner needs --region=…",
                "DataflowRunner needs --temp_location=gs://…",
            ],
        ),
        (
            "DataflowRunner",
            ["--project=p", "--region=r", "--temp_location=/tmp"],
            ["--temp_location=/tmp: DataflowRunner needs a folder in gs://"],
        ),
        (
            "FlinkRunner",
            ["--flink_mastr=h"],
            ["--flink_mastr: no such option of Beam: did you mean --flink_master?"],
        ),
        ("FnApiRunner", ["--runner=x"], ["--runner: is set by beam.runner"]),
        ("FnApiRunner", ["direct"], ["direct: an option is written --name or --name=value"]),
    ],
)
def test_what_is_wrong_is_said_a_line_each(runner: str, options: list[str], expected: list[str]) -> None:
    assert problems(runner, *options) == expected


def test_the_options_are_checked_when_the_configuration_is_read(tmp_path: Path) -> None:
    overrides: list[Any] = ["beam.runner=DataflowRunner", "beam.options=['--project=p']"]
    with pytest.raises(ConfigError) as caught:
        load("tiny", overrides)
    lines = str(caught.value).splitlines()
    assert [line.partition(": beam.options: ")[2] for line in lines] == [
        "DataflowRunner needs --region=…",
        "DataflowRunner needs --temp_location=gs://…",
    ]
