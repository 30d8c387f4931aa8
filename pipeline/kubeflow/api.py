"""Kubeflow Pipelines' v2beta1 REST API, as far as a run is submitted and followed by it.

Names and paths are those of the API's published description (Kubeflow Pipelines 2.0 to 2.17). Of an answer
only what is declared here is read, so that a server may be newer than this.
"""

from __future__ import annotations

import datetime
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import quote

from pydantic import BaseModel, ConfigDict, ValidationError

from pipeline.kubeflow.connection import ClusterError, Connection

PREFIX = "/apis/v2beta1"
ENDED = frozenset({"SUCCEEDED", "SKIPPED", "FAILED", "CANCELED"})
"""States of a run or a task that are not left again."""
_PAGE_SIZE = 100
_MAX_PAGES = 1000


class Answer(BaseModel):
    """Base of what is read from the server's answers."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class Status(Answer):
    """google.rpc.Status."""

    code: int = 0
    message: str = ""


class StateChange(Answer):
    """A state that a task was in."""

    state: str = ""
    error: Status | None = None


class Task(Answer):
    """What runs in a run: a stage, the pod that prepares it, or the pod that executes it."""

    display_name: str = ""
    state: str = ""
    start_time: datetime.datetime | None = None
    end_time: datetime.datetime | None = None
    error: Status | None = None
    state_history: list[StateChange] = []

    @property
    def message(self) -> str:
        """Why it failed; empty when the server does not say."""
        errors = [self.error, *(change.error for change in reversed(self.state_history))]
        return next((error.message for error in errors if error is not None and error.message), "")


class RunDetails(Answer):
    """Of a run, its tasks."""

    task_details: list[Task] = []


class Run(Answer):
    """A run of a pipeline."""

    run_id: str
    display_name: str = ""
    state: str = ""
    created_at: datetime.datetime | None = None
    error: Status | None = None
    run_details: RunDetails | None = None

    @property
    def tasks(self) -> list[Task]:
        return self.run_details.task_details if self.run_details is not None else []


class Pipeline(Answer):
    """A pipeline, which has versions."""

    pipeline_id: str


class Version(Answer):
    """A compiled pipeline that was uploaded."""

    pipeline_version_id: str
    display_name: str = ""
    name: str = ""


class Experiment(Answer):
    """A group of runs."""

    experiment_id: str
    display_name: str = ""


AnyAnswer = TypeVar("AnyAnswer", bound=Answer)


@dataclass(frozen=True)
class PipelinesApi:
    """The requests. Each method sends one, or one a page.

    Raises, every method:
      ClusterError: the request was refused.
      ClusterUnreachableError: there was no whole answer.
    """

    connection: Connection
    namespace: str | None = None
    """Of a server with several users: the user's."""

    def pipeline(self, name: str) -> Pipeline | None:
        """The pipeline of this name."""
        try:
            found = self.connection.get(f"{PREFIX}/pipelines/names/{_part(name)}", namespace=self.namespace)
        except ClusterError as error:
            if error.status == 404:
                return None
            raise
        return _read(Pipeline, found)

    def create_pipeline(self, name: str, description: str) -> Pipeline:
        """A pipeline without versions."""
        content = {"display_name": name, "description": description, **self._in_namespace()}
        return _read(Pipeline, self.connection.post(f"{PREFIX}/pipelines", content))

    def version(self, pipeline_id: str, name: str) -> Version | None:
        """The pipeline's version of this name."""
        path = f"{PREFIX}/pipelines/{_part(pipeline_id)}/versions"
        every = self._pages(path, "pipeline_versions", Version)
        return next((one for one in every if name in (one.name, one.display_name)), None)

    def upload_version(self, pipeline_id: str, name: str, specification: bytes) -> Version:
        """Uploads a compiled pipeline, in YAML."""
        answer = self.connection.upload(
            f"{PREFIX}/pipelines/upload_version",
            "pipeline.yaml",
            specification,
            name=name,
            pipelineid=pipeline_id,
        )
        return _read(Version, answer)

    def experiment(self, name: str) -> Experiment | None:
        """The experiment of this name."""
        every = self._pages(
            f"{PREFIX}/experiments", "experiments", Experiment, filter=_named(name), namespace=self.namespace
        )
        return next((one for one in every if one.display_name == name), None)

    def create_experiment(self, name: str) -> Experiment:
        content = {"display_name": name, **self._in_namespace()}
        return _read(Experiment, self.connection.post(f"{PREFIX}/experiments", content))

    def run_named(self, experiment_id: str, name: str) -> Run | None:
        """The experiment's run of this name."""
        every = self._pages(
            f"{PREFIX}/runs",
            "runs",
            Run,
            filter=_named(name),
            experiment_id=experiment_id,
            namespace=self.namespace,
        )
        return next((one for one in every if one.display_name == name), None)

    def create_run(
        self, name: str, experiment_id: str, pipeline_id: str, version_id: str, service_account: str | None
    ) -> Run:
        """Starts a run."""
        version = {"pipeline_id": pipeline_id, "pipeline_version_id": version_id}
        content: dict[str, Any] = {
            "display_name": name,
            "experiment_id": experiment_id,
            "pipeline_version_reference": version,
            "runtime_config": {"parameters": {}},
        }
        if service_account:
            content["service_account"] = service_account
        return _read(Run, self.connection.post(f"{PREFIX}/runs", content))

    def run(self, run_id: str) -> Run:
        """A run as it is now, with its tasks."""
        return _read(Run, self.connection.get(f"{PREFIX}/runs/{_part(run_id)}"))

    def terminate(self, run_id: str) -> None:
        """Asks for a run's end; its pods are stopped soon after."""
        self.connection.post(f"{PREFIX}/runs/{_part(run_id)}:terminate")

    def run_link(self, run_id: str) -> str:
        """The run's page."""
        return f"{self.connection.host}/#/runs/details/{_part(run_id)}"

    def _in_namespace(self) -> dict[str, str]:
        return {"namespace": self.namespace} if self.namespace else {}

    def _pages(
        self, path: str, field: str, kind: type[AnyAnswer], **query: str | None
    ) -> Iterator[AnyAnswer]:
        token: str | None = None
        for _ in range(_MAX_PAGES):
            page = self.connection.get(path, page_size=_PAGE_SIZE, page_token=token, **query)
            entries = page.get(field) or []
            if not isinstance(entries, list):
                raise ClusterError(f"{path}: {field} is no list: is this Kubeflow Pipelines' v2beta1 API?")
            yield from (_read(kind, entry) for entry in entries)
            token = page.get("next_page_token")
            if not token:
                return
        raise ClusterError(f"{path}: more than {_MAX_PAGES} pages: the server does not come to an end")


def _read(kind: type[AnyAnswer], content: Any) -> AnyAnswer:
    try:
        return kind.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise ClusterError(
            f"the server's {kind.__name__.lower()} cannot be read: {place}: {first['msg']}: is this Kubeflow "
            "Pipelines' v2beta1 API?"
        ) from None


def _named(name: str) -> str:
    """The API's filter on a name."""
    return json.dumps({"predicates": [{"operation": "EQUALS", "key": "display_name", "stringValue": name}]})


def _part(text: str) -> str:
    return quote(text, safe="")
