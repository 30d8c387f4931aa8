"""Kubeflow Pipelines' v2beta1 REST API, as far as a run is submitted and followed by it.

Names and paths are those of the API's published description (Kubeflow Pipelines 2.0 to 2.17).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import quote

from pydantic import ValidationError

from pipeline.kubeflow.answers import Answer, Experiment, Pipeline, RecurringRun, Run, Version
from pipeline.kubeflow.connection import ClusterError, Connection
from pipeline.kubeflow.schedule import Schedule

PREFIX = "/apis/v2beta1"
_PAGE_SIZE = 100
_MAX_PAGES = 1000


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
        every = self._of_experiment("runs", "runs", Run, experiment_id, name)
        return next((one for one in every if one.display_name == name), None)

    def runs_beginning(self, experiment_id: str, name: str) -> Iterator[Run]:
        """The experiment's runs whose names begin so, the newest first."""
        every = self._of_experiment(
            "runs", "runs", Run, experiment_id, name, "IS_SUBSTRING", sort_by="created_at desc"
        )
        return (one for one in every if one.display_name.startswith(name))

    def create_run(
        self,
        name: str,
        description: str,
        experiment_id: str,
        pipeline_id: str,
        version_id: str,
        service_account: str | None,
    ) -> Run:
        """Starts a run."""
        content = _of_version(name, experiment_id, pipeline_id, version_id, service_account)
        if description:
            content["description"] = description
        return _read(Run, self.connection.post(f"{PREFIX}/runs", content))

    def recurring_runs(self, experiment_id: str, name: str) -> list[RecurringRun]:
        """The experiment's recurring runs of this name."""
        every = self._of_experiment("recurringruns", "recurringRuns", RecurringRun, experiment_id, name)
        return [one for one in every if one.display_name == name]

    def create_recurring_run(
        self,
        name: str,
        experiment_id: str,
        pipeline_id: str,
        version_id: str,
        service_account: str | None,
        schedule: Schedule,
    ) -> RecurringRun:
        """Has a run started whenever the schedule says: one at a time, and none for what was missed."""
        content = {
            **_of_version(name, experiment_id, pipeline_id, version_id, service_account),
            "trigger": schedule.trigger(),
            "max_concurrency": "1",
            "mode": "ENABLE",
            "no_catchup": True,
        }
        return _read(RecurringRun, self.connection.post(f"{PREFIX}/recurringruns", content))

    def delete_recurring_run(self, recurring_run_id: str) -> None:
        """Has no more runs started; those that were go on. One that is not there has ended already."""
        try:
            self.connection.delete(f"{PREFIX}/recurringruns/{_part(recurring_run_id)}")
        except ClusterError as error:
            if error.status != 404:
                raise

    def run(self, run_id: str) -> Run:
        """A run as it is now, with its tasks."""
        return _read(Run, self.connection.get(f"{PREFIX}/runs/{_part(run_id)}"))

    def terminate(self, run_id: str) -> None:
        """Asks for a run's end; its pods are stopped soon after."""
        self.connection.post(f"{PREFIX}/runs/{_part(run_id)}:terminate")

    def run_link(self, run_id: str) -> str:
        """The run's page."""
        return f"{self.connection.host}/#/runs/details/{_part(run_id)}"

    def recurring_run_link(self, recurring_run_id: str) -> str:
        """The recurring run's page."""
        return f"{self.connection.host}/#/recurringrun/details/{_part(recurring_run_id)}"

    def _of_experiment(
        self,
        path: str,
        key: str,
        kind: type[AnyAnswer],
        experiment_id: str,
        name: str,
        operation: str = "EQUALS",
        **query: str,
    ) -> Iterator[AnyAnswer]:
        """What the server finds by this name, which may be more than what has it."""
        return self._pages(
            f"{PREFIX}/{path}",
            key,
            kind,
            filter=_named(name, operation),
            experiment_id=experiment_id,
            namespace=self.namespace,
            **query,
        )

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


def _of_version(
    name: str, experiment_id: str, pipeline_id: str, version_id: str, service_account: str | None
) -> dict[str, Any]:
    """What a run and a recurring run have in common."""
    content: dict[str, Any] = {
        "display_name": name,
        "experiment_id": experiment_id,
        "pipeline_version_reference": {"pipeline_id": pipeline_id, "pipeline_version_id": version_id},
        "runtime_config": {"parameters": {}},
    }
    return {**content, "service_account": service_account} if service_account else content


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


def _named(name: str, operation: str = "EQUALS") -> str:
    """The API's filter on a name."""
    return json.dumps({"predicates": [{"operation": operation, "key": "display_name", "stringValue": name}]})


def _part(text: str) -> str:
    return quote(text, safe="")
