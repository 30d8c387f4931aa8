"""Beam's pipeline options from the configuration, checked before anything runs."""

from __future__ import annotations

import argparse
import contextlib
import difflib
import functools
import io
import os
from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field

from components.config import CorpusConfig
from components.errors import CorpusError
from models.config import Settings

MIN_PARALLEL_BYTES = 50_000_000
"""Of corpus files, from which on starting worker processes pays; the README says how it was measured."""
MIN_PARALLEL_STATISTICS_BYTES = 2_000_000_000
"""The same for StatisticsGen, which reads some numbers a document; its workers load TensorFlow first."""
NO_IMAGE = "none"
"""Where workers have no image. Were none named, TFX would pack itself up for them before every stage, which
takes three seconds and leaves 50 MB in the temporary folder; nothing looks for this one."""
WORKER_WATCH = "components.worker_watch"
"""A module that worker processes of this machine import before they work."""
_REQUIRED = {
    "DataflowRunner": ("project", "region", "temp_location"),
    "PortableRunner": ("job_endpoint",),
}
_EXAMPLES = {"temp_location": "gs://…", "job_endpoint": "host:8099"}
_WITH_WORKERS_OF_THEIR_OWN = ("FlinkRunner", "SparkRunner", "PortableRunner")
_READERS = {
    "FlinkRunnerOptions": ("FlinkRunner", "PortableRunner"),
    "SparkRunnerOptions": ("SparkRunner", "PortableRunner"),
    "JobServerOptions": _WITH_WORKERS_OF_THEIR_OWN,
    "PortableOptions": (*_WITH_WORKERS_OF_THEIR_OWN, "DataflowRunner"),
    "WorkerOptions": ("DataflowRunner",),
    "DirectOptions": ("FnApiRunner",),
}
"""Beam's classes of options that other runners do not read. ``PortableRunner`` hands all on."""
_RUNNERS_OWN = {
    "runner": "beam.runner",
    "direct_running_mode": "beam.num_workers",
    "direct_num_workers": "beam.num_workers",
    "sdk_container_image": "beam.worker_image",
    "worker_harness_container_image": "beam.worker_image",
    "environment_type": "beam.worker_image or beam.worker_pool",
    "environment_config": "beam.worker_image or beam.worker_pool",
    "environment_option": "beam.worker_image or beam.worker_pool",
    "environment_options": "beam.worker_image or beam.worker_pool",
}


class BeamConfig(Settings):
    """How the Beam stages run."""

    runner: Literal["FnApiRunner", "DataflowRunner", "FlinkRunner", "SparkRunner", "PortableRunner"] = (
        "FnApiRunner"
    )
    """``FnApiRunner`` is Beam's local runner. ``PortableRunner``: a Beam job server, such as Flink's or
    Spark's in a cluster, at ``--job_endpoint``."""
    num_workers: int = Field(default=0, ge=0)
    """Local worker processes; 1 stays in this process. 0: one a core if the corpus has 50 MB or more of
    files, which is when starting them pays, and else this process."""
    worker_image: str | None = Field(default=None, min_length=1)
    """Of Dataflow, and of Flink and Spark where they start containers: the image that their workers run. When
    left out, ``kubeflow.image``, the same as the stages'."""
    worker_pool: str | None = Field(default=None, pattern=r"^[^:\s]+:\d+$")
    """Of Flink and Spark instead of ``worker_image``, which needs Docker on every node: host and port of a
    worker pool beside each task manager, usually ``localhost:50000``, that runs the stages' image."""
    options: tuple[str, ...] = ()
    """More Beam pipeline options, as on Beam's command line, ``--name=value`` each. Checked when the
    configuration is read; Dataflow needs ``--project``, ``--region`` and ``--temp_location``."""


def local(beam: BeamConfig, num_bytes: int = 0) -> tuple[str, ...]:
    """Options for a run on this machine.

    The runner is always named: Beam's default first tries to download another one.
    ``num_bytes``, of the corpus' files, decides if worker processes pay, where the configuration does not say
    how many.
    """
    options = [f"--runner={beam.runner}", f"--sdk_container_image={beam.worker_image or NO_IMAGE}"]
    num_workers = beam.num_workers or (_cores() if num_bytes >= MIN_PARALLEL_BYTES else 1)
    if beam.runner == "FnApiRunner" and num_workers > 1:
        options += [
            "--direct_running_mode=multi_processing",
            f"--direct_num_workers={num_workers}",
            f"--beam_plugin={WORKER_WATCH}",
        ]
    return (*options, *_workers(beam), *beam.options)


def of_statistics(beam: BeamConfig, num_bytes: int) -> tuple[str, ...]:
    """What StatisticsGen is given beside `local`: whether it runs in this process all the same."""
    if beam.runner != "FnApiRunner" or num_bytes >= MIN_PARALLEL_STATISTICS_BYTES:
        return ()
    return ("--direct_running_mode=in_memory", "--direct_num_workers=1")


def _workers(beam: BeamConfig) -> tuple[str, ...]:
    """What code of ours runs on the runner's machines: the stages' image, or a pool of it beside each.

    Flink and Spark that Beam starts on this machine for the run call back into this process.
    """
    if beam.runner == "DataflowRunner":
        return ("--sdk_location=container",)
    if beam.runner not in _WITH_WORKERS_OF_THEIR_OWN or _is_started_here(beam):
        return ()
    if beam.worker_pool is not None:
        return ("--environment_type=EXTERNAL", f"--environment_config={beam.worker_pool}")
    return ("--environment_type=DOCKER", f"--environment_config={beam.worker_image}")


def _is_started_here(beam: BeamConfig) -> bool:
    masters = {
        name: value
        for name, _, value in (option.lstrip("-").partition("=") for option in beam.options)
        if name in ("flink_master", "spark_master_url")
    }
    if beam.runner == "FlinkRunner":
        return masters.get("flink_master", "[auto]") in ("[auto]", "[local]")
    return beam.runner == "SparkRunner" and masters.get("spark_master_url", "local").startswith("local")


def problems(beam: BeamConfig) -> list[str]:
    """What is wrong with the options, a line each."""
    names = [_name(option) for option in beam.options if option.startswith("-")]
    found = [
        f"{option}: an option is written --name or --name=value"
        for option in beam.options
        if not option.startswith("--")
    ]
    found += [f"--{name}: is set by {_RUNNERS_OWN[name]}" for name in names if name in _RUNNERS_OWN]
    others = [name for name in names if name not in _RUNNERS_OWN]
    found += [_unknown(name) for name in others if name not in _known()]
    of_others = (_of_another_runner(name, beam.runner) for name in others if name in _known())
    found += [told for told in of_others if told is not None]
    found += [
        f"{beam.runner} needs --{name}={_EXAMPLES.get(name, '…')}"
        for name in _REQUIRED.get(beam.runner, ())
        if name not in names
    ]
    found += [
        f"{option}: {beam.runner} needs a folder in gs://"
        for option in beam.options
        if beam.runner == "DataflowRunner"
        and _name(option) in ("temp_location", "staging_location")
        and "=gs://" not in option
    ]
    if beam.worker_pool is not None and beam.runner not in _WITH_WORKERS_OF_THEIR_OWN:
        found.append(
            f"worker_pool is of {', '.join(_WITH_WORKERS_OF_THEIR_OWN)}, not of {beam.runner}: remove it"
        )
    if beam.worker_image is not None and beam.worker_pool is not None:
        found.append("worker_image and worker_pool exclude each other: leave one out")
    return found or _beams_own(beam)


def _beams_own(beam: BeamConfig) -> list[str]:
    """What Beam finds wrong itself: values that do not parse, names that Google does not take.

    Of its validator, only what asks nobody: the whole of it would look for buckets at Google's.
    """
    if beam.runner == "FnApiRunner":
        return []
    from apache_beam.options import pipeline_options
    from apache_beam.options.pipeline_options_validator import PipelineOptionsValidator

    said = io.StringIO()
    try:
        with contextlib.redirect_stderr(said):
            options = pipeline_options.PipelineOptions(list(local(beam)))
            options.get_all_options()
    except SystemExit:  # argparse's way to say that a value is wrong.
        return [said.getvalue().strip().splitlines()[-1].partition("error: ")[2] or said.getvalue().strip()]
    validator = PipelineOptionsValidator(options, beam.runner)
    if beam.runner != "DataflowRunner":
        portable = options.view_as(pipeline_options.PortableOptions)
        return list(validator.validate_environment_options(portable))
    cloud = options.view_as(pipeline_options.GoogleCloudOptions)
    workers = options.view_as(pipeline_options.WorkerOptions)
    return [
        *validator.validate_cloud_options(cloud),
        *validator.validate_gcs_path(cloud, "temp_location"),
        *validator.validate_num_workers(workers),
        *validator.validate_worker_region_zone(workers),
        *validator.validate_sdk_container_image_options(workers),
    ]


def _name(option: str) -> str:
    return option.lstrip("-").partition("=")[0]


class _Flags(argparse.ArgumentParser):
    """Collects what Beam's classes of options declare."""

    def add_value_provider_argument(self, *names: str, **given: Any) -> None:
        """Beam's own addition to the parser: an option that a template may leave open."""
        self.add_argument(*names, **given)


@functools.cache
def _known() -> Mapping[str, frozenset[str]]:
    """Options as they are written, without ``--``: the classes of Beam's that have it."""
    from apache_beam.options.pipeline_options import PipelineOptions

    found: dict[str, set[str]] = {}
    for kind in PipelineOptions.__subclasses__():
        parser = _Flags(add_help=False)
        kind._add_argparse_args(parser)
        for action in parser._actions:
            for name in action.option_strings:
                found.setdefault(name.lstrip("-"), set()).add(kind.__name__)
    return {name: frozenset(kinds) for name, kinds in found.items()}


def _unknown(name: str) -> str:
    close = difflib.get_close_matches(name, list(_known()), n=1)
    return f"--{name}: no such option of Beam" + (f": did you mean --{close[0]}?" if close else "")


def _of_another_runner(name: str, runner: str) -> str | None:
    """Who would read an option that this runner ignores; None where it reads it."""
    readers = [_READERS.get(kind) for kind in _known()[name]]
    if any(found is None or runner in found for found in readers):
        return None
    others = sorted({other for found in readers for other in found or ()})
    return f"--{name}: {runner} would ignore it, as it is of {', '.join(others)}: remove it"


def num_bytes_of(corpus: CorpusConfig) -> int:
    """Of a corpus' files; 0 where something is wrong with them, as CorpusGen will say."""
    from components.corpus_gen import files, spans

    try:
        found = files.list_files(spans.resolve(corpus).corpus)
    except CorpusError:
        return 0
    return sum(file.num_bytes for file in found)


def _cores() -> int:
    """That this process may use."""
    return len(os.sched_getaffinity(0))
