"""``lexmill submit``: the compiled pipeline on a server, followed as a local run is."""

from __future__ import annotations

import os
import shlex
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from pipeline.commands.run import DONE, FAILED, NOT_PUSHED
from pipeline.config import PipelineConfig, load
from pipeline.errors import ConfigError, MissingInputError, PipelineError
from pipeline.kubeflow.answers import Run
from pipeline.kubeflow.following import follow, results
from pipeline.kubeflow.submission import Patience
from pipeline.run_id import new_run_id
from pipeline.terminal import RunDisplay
from serving.silence import libraries_silenced

if TYPE_CHECKING:
    from pipeline.kubeflow.answers import Pipeline, Version
    from pipeline.kubeflow.schedule import Schedule
    from pipeline.kubeflow.submission import Submission, Submitter
    from pipeline.kubeflow.target import Target

INTERRUPTED = 130
_DATA = "data"
"""How the description of a run that was started for some data begins."""


@dataclass(frozen=True)
class Request:
    """What the command line asks for; what it leaves out, the configuration says."""

    config_name: str
    overrides: Sequence[str]
    target: Target
    host: str | None = None
    namespace: str | None = None
    experiment: str | None = None
    project: str | None = None
    region: str | None = None
    is_followed: bool = True
    run_id: str | None = None
    """A run to follow instead of starting one."""
    cancelled_run_id: str | None = None
    """A run to end instead."""
    schedule: Schedule | None = None
    """When to start runs, instead of one now."""
    ends_schedule: bool = False
    """Whether no more runs are to be started, instead."""
    if_new_data: bool = False
    """Whether to start none on data that a run was started for."""

    def command(self, *option: str) -> str:
        """The same command, with an option more, to be typed into a shell."""
        places = (
            ("host", self.host),
            ("namespace", self.namespace),
            ("experiment", self.experiment),
            ("project", self.project),
            ("region", self.region),
        )
        words = [word for override in self.overrides for word in ("--set", override)]
        words += [] if self.target.value == "kubeflow" else ["--target", self.target.value]
        words += [word for name, value in places if value is not None for word in (f"--{name}", value)]
        return shlex.join(["lexmill", "submit", self.config_name, *words, *option])


class Server(Protocol):
    """One of the two services, with a configuration's pipeline."""

    poll_s: float

    def start(self, specification: bytes, display: RunDisplay) -> Run: ...

    def run(self, run_id: str) -> Run: ...

    def terminate(self, run_id: str) -> None: ...

    def run_link(self, run_id: str) -> str: ...

    def pushed(self, run: Run) -> bool | None:
        """Whether a run that was started, and has ended well, has pushed its model; None: not to be told."""


def submit(request: Request, patience: Patience | None = None) -> int:
    """Starts a run, or takes one that is there, shows it to its end, and returns the exit status."""
    config = load(request.config_name, request.overrides)
    patience = patience or Patience()
    server = _server(config, request, patience)
    if request.schedule is not None or request.ends_schedule:
        return _scheduled(server, config, request)
    if request.cancelled_run_id is not None:
        server.terminate(request.cancelled_run_id)
        print(f"asked to end: {server.run_link(request.cancelled_run_id)}")
        return DONE
    with RunDisplay(sys.stdout) as display:
        run_id = request.run_id
        if run_id is None:
            run = _started(server, config, request, display)
            if run is None:
                return DONE
            run_id = run.run_id
        display.say(f"run: {server.run_link(run_id)}")
        if not request.is_followed:
            display.say(f"it goes on there; to follow it: {request.command('--follow-run', run_id)}")
            return DONE
        return _followed(server, run_id, request, display, patience)


def _started(server: Server, config: PipelineConfig, request: Request, display: RunDisplay) -> Run | None:
    """A new run; None where it would have no new data."""
    if not request.if_new_data:
        return server.start(_compiled(config, request.target, display), display)
    if not isinstance(server, KubeflowServer):
        raise ConfigError(
            f"--target {request.target.value}: --if-new-data looks at Kubeflow Pipelines' runs only; here, "
            f"set {request.target.value}.stages.CorpusGen.caching = true: without new data every stage is "
            "cached"
        )
    data = _data_state(config, request.target, display)
    seen = server.latest_run_on_data(display)
    if seen is not None and seen.description == data:
        run = f"{seen.display_name} ({seen.state.lower()})"
        link = server.run_link(seen.run_id)
        display.say(f"{config.name}: no new data since run {run}: nothing to do: {link}")
        return None
    return server.start(_compiled(config, request.target, display), display, data)


def _scheduled(server: Server, config: PipelineConfig, request: Request) -> int:
    """Has runs started on a schedule, or no more of them."""
    if not isinstance(server, KubeflowServer):
        raise ConfigError(
            f"--target {request.target.value}: recurring runs are started on Kubeflow Pipelines only; "
            "here, have a scheduler run 'lexmill submit'"
        )
    if request.if_new_data:
        raise ConfigError(
            "--if-new-data: Kubeflow's server looks at no file before it starts a run: have a scheduler, "
            "such as cron, run 'lexmill submit --if-new-data' instead of --every or --cron"
        )
    with RunDisplay(sys.stdout) as display:
        if request.schedule is None:
            ended = server.end_schedule(display)
            display.say(f"{config.name}: {ended} recurring {'run' if ended == 1 else 'runs'} ended")
            return DONE
        link, ended = server.start_schedule(
            _compiled(config, request.target, display), request.schedule, display
        )
        before = f", in place of {ended} before" if ended else ""
        display.say(f"{config.name} {request.schedule}{before}: {link}")
        display.say(f"to end it: {request.command('--end-schedule')}")
    return DONE


def token_source(environment: dict[str, str] | None = None) -> Callable[[], str | None]:
    """Where the bearer token comes from: a variable, or a file that is read anew each time.

    Raises, when called:
      MissingInputError: the file cannot be read, or what is there is no token.
    """
    variables = os.environ if environment is None else environment
    path = variables.get("LEXMILL_KFP_TOKEN_FILE") or variables.get("KF_PIPELINES_SA_TOKEN_PATH")
    given = variables.get("LEXMILL_KFP_TOKEN")

    def token() -> str | None:
        if given or not path:
            return _checked(given, "LEXMILL_KFP_TOKEN") if given else None
        try:
            return _checked(Path(path).read_text(encoding="utf-8"), path)
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or "it is not text"
            raise MissingInputError(f"{path}: the token cannot be read: {reason}") from None

    return token


def _checked(text: str, place: str) -> str:
    token = text.strip()
    if not token or not token.isascii() or any(character.isspace() for character in token):
        raise MissingInputError(f"{place}: holds no token: one word is expected")
    return token


def _compiled(config: PipelineConfig, target: Target, display: RunDisplay) -> bytes:
    started = time.monotonic()
    display.start("compile", "loading TensorFlow and TFX")
    with libraries_silenced(), tempfile.TemporaryDirectory() as folder:
        from pipeline.kubeflow import compile as compiler

        path = Path(folder) / "pipeline.yaml"
        compiler.compile_to(config, str(path), target)
        specification = path.read_bytes()
    display.finish(time.monotonic() - started, False, f"{len(specification):,} bytes for {target.value}")
    return specification


def _data_state(config: PipelineConfig, target: Target, display: RunDisplay) -> str:
    """As a run's description has it."""
    started = time.monotonic()
    display.start("data", "looking at the corpus")
    with libraries_silenced():
        from pipeline.kubeflow import compile as compiler

        state = compiler.data_state(config, target)
    display.finish(time.monotonic() - started, False, f"state {state}")
    return f"{_DATA} {state}"


def _followed(server: Server, run_id: str, request: Request, display: RunDisplay, patience: Patience) -> int:
    again = request.command("--follow-run", run_id)
    try:
        run = follow(server, run_id, display, patience, server.poll_s)
    except KeyboardInterrupt:
        display.say(f"\nno longer followed; the run goes on: {server.run_link(run_id)}")
        display.say(f"follow it again: {again}\nend it:          {request.command('--cancel-run', run_id)}")
        return INTERRUPTED
    except PipelineError:
        if request.run_id is None:  # Else whether there is such a run may be what was refused.
            display.say(f"the run goes on; to follow it again: {again}", style="yellow")
        raise
    return _closing(server, run, display)


def _closing(server: Server, run: Run, display: RunDisplay) -> int:
    link = server.run_link(run.run_id)
    if run.state == "CANCELED":
        display.say(f"canceled: {link}", style="red")
        return FAILED
    if run.state != "SUCCEEDED":
        reason = (
            run.error.message if run.error is not None and run.error.message else "each pod's log is there"
        )
        display.say(f"failed: {reason}: {link}", style="red")
        return FAILED
    is_pushed = server.pushed(run)
    if is_pushed is None:
        display.say(f"succeeded; whether the model was blessed and pushed cannot be told from here: {link}")
    elif is_pushed:
        display.say(f"pushed: {link}")
    else:
        display.say(f"not pushed: the model was not blessed: {link}; exit status {NOT_PUSHED}")
    return NOT_PUSHED if is_pushed is False else DONE


def _server(config: PipelineConfig, request: Request, patience: Patience) -> Server:
    if request.target.value == "vertex":
        return VertexServer(config, request, patience)
    return KubeflowServer(config, request, patience)


class KubeflowServer:
    """Kubeflow Pipelines."""

    def __init__(self, config: PipelineConfig, request: Request, patience: Patience) -> None:
        from pipeline.kubeflow.api import PipelinesApi
        from pipeline.kubeflow.connection import Connection
        from pipeline.kubeflow.submit_settings import checked_host

        settings = config.kubeflow.submit
        try:
            host = checked_host(request.host) if request.host is not None else settings.host
        except ValueError as error:
            raise ConfigError(f"--host {request.host}: {error}") from None
        if host is None:
            raise ConfigError(
                "no Kubeflow Pipelines server is named: give --host https://HOST/pipeline, or "
                "kubeflow.submit.host"
            )
        self._settings, self._config, self._patience = settings, config, patience
        self._experiment = request.experiment or settings.experiment
        self._connection = Connection(host, token_source())
        self._api = PipelinesApi(self._connection, request.namespace or settings.namespace)
        self._versions: list[int] | None = None
        self.poll_s = settings.poll_s

    def start(self, specification: bytes, display: RunDisplay, description: str = "") -> Run:
        from pipeline.kubeflow import pushed_versions

        submitter = self._submitter(display)
        submission, pipeline, version = self._uploaded(submitter, specification, display, description)
        self._versions = pushed_versions.versions(self._folder)
        return submitter.start(submission, pipeline, version)

    def latest_run_on_data(self, display: RunDisplay) -> Run | None:
        """The newest that was started for some data, and has not failed."""
        return self._submitter(display).latest_described(self._config.name, self._experiment, _DATA)

    def start_schedule(
        self, specification: bytes, schedule: Schedule, display: RunDisplay
    ) -> tuple[str, int]:
        """The recurring run's page, and how many before it were ended."""
        submitter = self._submitter(display)
        made, ended = submitter.schedule(*self._uploaded(submitter, specification, display), schedule)
        return self._api.recurring_run_link(made.recurring_run_id), ended

    def end_schedule(self, display: RunDisplay) -> int:
        """How many recurring runs were ended."""
        return self._submitter(display).end_schedule(self._config.name, self._experiment)

    def _submitter(self, display: RunDisplay) -> Submitter:
        from pipeline.kubeflow.submission import Submitter

        if self._connection.token() and self._connection.is_token_readable_on_the_way:
            display.say(
                f"! {self._connection.host} is not encrypted: whoever is on the way reads the token", "yellow"
            )
        return Submitter(self._api, self._patience, lambda text: display.say(f"! {text}", style="yellow"))

    def _uploaded(
        self, submitter: Submitter, specification: bytes, display: RunDisplay, description: str = ""
    ) -> tuple[Submission, Pipeline, Version]:
        from pipeline.kubeflow.submission import Submission

        run_name = f"{self._config.name} {new_run_id()}"
        account = self._settings.service_account
        submission = Submission(
            self._config.name, specification, self._experiment, run_name, account, description
        )
        started = time.monotonic()
        display.start("upload", self._connection.host)
        pipeline, version, was_there = submitter.upload(submission)
        there = ", there already" if was_there else ""
        display.finish(time.monotonic() - started, False, f"version {submission.version_name}{there}")
        return submission, pipeline, version

    def run(self, run_id: str) -> Run:
        return self._api.run(run_id)

    def terminate(self, run_id: str) -> None:
        self._api.terminate(run_id)

    def run_link(self, run_id: str) -> str:
        return self._api.run_link(run_id)

    def pushed(self, run: Run) -> bool | None:
        """By a version that was not there before. Without one, a model that was trained now was not blessed;
        one that was trained before may have been pushed then."""
        from pipeline.kubeflow import pushed_versions

        now = pushed_versions.versions(self._folder) if self._versions is not None else None
        if now is None or self._versions is None:
            return None
        if set(now) - set(self._versions):
            return True
        was_trained = any(
            each.stage == "Trainer" and each.ending == "done" for each in results(run.tasks, True)
        )
        return False if was_trained else None

    @property
    def _folder(self) -> str:
        return f"{self._config.kubeflow.serving_dir}/{self._config.name}"


class VertexServer:
    """Vertex AI Pipelines."""

    def __init__(self, config: PipelineConfig, request: Request, patience: Patience) -> None:
        from pipeline.kubeflow.vertex import VertexRuns

        settings = config.vertex.submit
        project = request.project or settings.project
        if project is None:
            raise ConfigError("no Google Cloud project is named: give --project, or vertex.submit.project")
        with libraries_silenced():
            self._runs = VertexRuns(project, request.region or settings.region)
        self._settings, self._name, self._patience = settings, config.name, patience
        self.poll_s = settings.poll_s

    def start(self, specification: bytes, display: RunDisplay) -> Run:
        job_id = f"{self._name}-{new_run_id()}"
        started = time.monotonic()
        display.start("start", self._runs.project)
        run = self._patience.until_answered(
            lambda: self._runs.create_run(job_id, self._name, specification, self._settings.service_account),
            lambda text: display.say(f"! {text}", style="yellow"),
        )
        display.finish(time.monotonic() - started, False, f"job {job_id}")
        return run

    def run(self, run_id: str) -> Run:
        return self._runs.run(run_id)

    def terminate(self, run_id: str) -> None:
        self._runs.terminate(run_id)

    def run_link(self, run_id: str) -> str:
        return self._runs.run_link(run_id)

    def pushed(self, run: Run) -> bool | None:
        return self._runs.pushed()
