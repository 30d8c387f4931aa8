from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from apache_beam.options.pipeline_options import DirectOptions

from components.config import CorpusConfig, SourceConfig
from pipeline import beam_options
from pipeline.beam_options import BeamConfig
from pipeline.config import SAMPLES, load
from pipeline.errors import ConfigError

IN_PROCESS = ("--runner=FnApiRunner", "--sdk_container_image=none")


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

    assert beam_options.local(BeamConfig(), beam_options.num_bytes_of(corpus)) == IN_PROCESS


def test_a_large_corpus_is_read_on_every_core(corpus: CorpusConfig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(beam_options, "_cores", lambda: 4)
    monkeypatch.setattr(beam_options, "MIN_PARALLEL_BYTES", 1000)

    options = beam_options.local(BeamConfig(), beam_options.num_bytes_of(corpus))

    assert options[2:] == (
        "--direct_running_mode=multi_processing",
        "--direct_num_workers=4",
        "--beam_plugin=components.worker_watch",
    )
    assert beam_options.local(BeamConfig(num_workers=1), beam_options.num_bytes_of(corpus)) == IN_PROCESS


def test_statistics_are_made_in_this_process_until_there_are_many_documents(
    corpus: CorpusConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    everywhere = (
        *beam_options.local(BeamConfig(num_workers=3)),
        *beam_options.of_statistics(BeamConfig(), beam_options.num_bytes_of(corpus)),
    )
    options = DirectOptions(everywhere)
    assert (options.direct_running_mode, options.direct_num_workers) == ("in_memory", 1)
    assert (
        beam_options.of_statistics(
            BeamConfig(runner="FlinkRunner", worker_image="i"), beam_options.num_bytes_of(corpus)
        )
        == ()
    )
    monkeypatch.setattr(beam_options, "MIN_PARALLEL_STATISTICS_BYTES", 1000)
    assert beam_options.of_statistics(BeamConfig(), beam_options.num_bytes_of(corpus)) == ()


def test_a_corpus_that_is_not_there_is_for_the_stage_to_report(tmp_path: Path) -> None:
    missing = CorpusConfig(path=str(tmp_path / "no"), sources=(SourceConfig(name="a", pattern="*"),))

    assert beam_options.local(BeamConfig(), beam_options.num_bytes_of(missing)) == IN_PROCESS


def test_the_number_of_workers_may_be_said(corpus: CorpusConfig) -> None:
    assert "--direct_num_workers=3" in beam_options.local(
        BeamConfig(num_workers=3), beam_options.num_bytes_of(corpus)
    )


def test_options_that_beam_has_are_taken() -> None:
    dataflow = ("--project=my-project", "--region=europe-west1", "--temp_location=gs://bucket/t")
    private = "--no_use_public_ips"
    assert not problems(
        "DataflowRunner", *dataflow, private, "--experiment=use_runner_v2", "--max_num_workers=20"
    )
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
            ["--project=my-project", "--region=r", "--temp_location=/tmp"],
            ["--temp_location=/tmp: DataflowRunner needs a folder in gs://"],
        ),
        (
            "FlinkRunner",
            ["--flink_mastr=h"],
            ["--flink_mastr: no such option of Beam: did you mean --flink_master?"],
        ),
        (
            "DataflowRunner",
            ["--project=my-project", "--region=r", "--temp_location=gs://bucket/t", "--max_num_worker=3"],
            ["--max_num_worker: no such option of Beam: did you mean --max_num_workers?"],
        ),
        (
            "DataflowRunner",
            ["--project=my-project", "--region=r", "--temp_location=gs://bucket/t", "--flink_master=h:8081"],
            [
                "--flink_master: DataflowRunner would ignore it, as it is of FlinkRunner, PortableRunner: "
                "remove it"
            ],
        ),
        (
            "FlinkRunner",
            ["--max_num_workers=3"],
            ["--max_num_workers: FlinkRunner would ignore it, as it is of DataflowRunner: remove it"],
        ),
        ("FnApiRunner", ["--runner=x"], ["--runner: is set by beam.runner"]),
        ("FnApiRunner", ["direct"], ["direct: an option is written --name or --name=value"]),
    ],
)
def test_what_is_wrong_is_said_a_line_each(runner: str, options: list[str], expected: list[str]) -> None:
    assert problems(runner, *options) == expected


def test_the_options_are_checked_when_the_configuration_is_read(tmp_path: Path) -> None:
    overrides: list[Any] = ["beam.runner=DataflowRunner", "beam.options=['--project=my-project']"]
    with pytest.raises(ConfigError) as caught:
        load("tiny", overrides)
    lines = str(caught.value).splitlines()
    assert [line.partition(": beam.options: ")[2] for line in lines] == [
        "DataflowRunner needs --region=…",
        "DataflowRunner needs --temp_location=gs://…",
    ]


@pytest.mark.parametrize("path", sorted((SAMPLES / "beam").glob("*.toml")), ids=lambda path: path.stem)
def test_the_ready_sample_of_each_runner_is_valid_and_beam_takes_its_options(path: Path) -> None:
    from apache_beam.options.pipeline_options import PipelineOptions

    config = load(str(path))

    options = PipelineOptions(list(beam_options.local(config.beam)))
    known = options.get_all_options()
    assert known["runner"] == config.beam.runner
    given = [option.lstrip("-").partition("=")[0] for option in beam_options.local(config.beam)]
    assert {name.removeprefix("no_") for name in given} <= set(known)
    assert beam_options.problems(config.beam) == []


def test_the_workers_run_the_stages_image() -> None:
    dataflow = ["--project=my-project", "--region=r", "--temp_location=gs://bucket/t"]
    config = load(
        "tiny", ["kubeflow.image=repo/image:1", "beam.runner=DataflowRunner", f"beam.options={dataflow}"]
    )
    assert "--sdk_container_image=repo/image:1" in beam_options.local(config.beam)

    flink = load(
        "tiny", ["kubeflow.image=i:1", "beam.runner=FlinkRunner", "beam.options=['--flink_master=h:1']"]
    )
    assert beam_options.local(flink.beam)[2:4] == ("--environment_type=DOCKER", "--environment_config=i:1")

    pool = load(
        "tiny",
        [
            "beam.runner=PortableRunner",
            "beam.worker_pool=localhost:50000",
            "beam.options=['--job_endpoint=h:1']",
        ],
    )
    assert beam_options.local(pool.beam)[2:4] == (
        "--environment_type=EXTERNAL",
        "--environment_config=localhost:50000",
    )


@pytest.mark.parametrize(("runner", "option"), [("FlinkRunner", "[local]"), ("SparkRunner", "local[2]")])
def test_an_engine_that_beam_starts_here_calls_back_into_this_process(runner: str, option: str) -> None:
    name = {"FlinkRunner": "flink_master", "SparkRunner": "spark_master_url"}[runner]
    beam = BeamConfig(runner=runner, worker_image="i", options=(f"--{name}={option}",))
    assert beam_options.local(beam) == (
        f"--runner={runner}",
        "--sdk_container_image=i",
        f"--{name}={option}",
    )


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"runner": "PortableRunner"}, "PortableRunner needs --job_endpoint=host:8099"),
        (
            {"runner": "FlinkRunner", "options": ["--environment_type=DOCKER"]},
            "--environment_type: is set by beam.worker_image or beam.worker_pool",
        ),
        ({"worker_pool": "localhost:50000"}, "worker_pool is of FlinkRunner, SparkRunner, PortableRunner"),
        (
            {"runner": "FlinkRunner", "worker_pool": "localhost:1", "worker_image": "i"},
            "worker_image and worker_pool exclude each other",
        ),
        (
            {"runner": "FlinkRunner", "options": ["--parallelism=many"]},
            "argument --parallelism: invalid int value: 'many'",
        ),
        (
            {"runner": "DataflowRunner", "worker_image": "i",
             "options": ["--project=P!", "--region=r", "--temp_location=gs://bucket/t"]},
            "Invalid Project ID (P!)",
        ),
    ],
)  # fmt: skip
def test_what_does_not_fit_the_runner_is_said(values: dict[str, Any], expected: str) -> None:
    [found] = beam_options.problems(BeamConfig.model_validate(values))
    assert found.startswith(expected)


def test_dataflow_would_get_the_workers_image_in_its_job() -> None:
    """The job's description, as Beam's Dataflow client builds it, without sending it."""
    import apache_beam as beam
    from apache_beam.options.pipeline_options import PipelineOptions
    from apache_beam.runners.dataflow.internal import apiclient
    from apache_beam.transforms import environments

    config = load(str(SAMPLES / "beam" / "dataflow.toml"))
    options = PipelineOptions(list(beam_options.local(config.beam)))
    # Made without the options, which would have it ask Google for the bucket.
    pipeline = beam.Pipeline(runner="FnApiRunner")
    _ = pipeline | beam.Create(["a"]) | beam.Map(str.upper)
    image = apiclient.get_container_image_from_options(options)
    environment = environments.DockerEnvironment.from_container_image(image)
    proto = pipeline.to_runner_api(default_environment=environment)
    described = apiclient.Environment(
        packages=[], options=options, environment_version="2.0", proto_pipeline_staged_url="gs://bucket/p",
        proto_pipeline=proto,
    )  # fmt: skip
    [workers] = _field(described.proto, "worker_pools")
    images = _field(workers, "sdk_harness_container_images")
    assert [_field(each, "container_image") for each in images] == [config.kubeflow.image]
    assert _field(workers, "machine_type") == "n2-standard-4"


def _field(message: Any, name: str) -> Any:
    """Since Beam 2.77 names have underscores; before, ``workerPools``."""
    first, *words = name.split("_")
    return getattr(message, name if hasattr(message, name) else first + "".join(map(str.title, words)))
