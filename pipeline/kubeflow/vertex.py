"""Vertex AI Pipelines, as far as a run is submitted and followed by it.

Google's own client does it (`google.cloud.aiplatform`, which TFX brings), imported where it is used, as
that takes seconds. Credentials are Google's application default ones: nothing here holds any. Its answers
become the runs and tasks of `pipeline.kubeflow.api`, so that both are followed by the same code.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any

import yaml

from pipeline.kubeflow.answers import Run, RunDetails, Status, Task
from pipeline.kubeflow.connection import ClusterError, ClusterUnreachableError

_STATES = {
    "CANCELLED": "CANCELED",
    "CANCELLING": "CANCELING",
    "CANCEL_PENDING": "CANCELING",
    "QUEUED": "PENDING",
    "NOT_TRIGGERED": "",
}
"""What the two services call differently; a task that was not triggered has not run."""
_TIMEOUT_S = 60.0
_TRY_AGAIN = (
    "Aborted", "BadGateway", "DeadlineExceeded", "GatewayTimeout", "InternalServerError", "ResourceExhausted",
    "RetryError", "ServiceUnavailable", "TooManyRequests", "Unknown",
)  # fmt: skip


class VertexRuns:
    """The pipeline jobs of one project and region."""

    def __init__(self, project: str, region: str, client: Any = None) -> None:
        """``client`` is a `PipelineServiceClient`; one of the region's own when left out."""
        self.project, self.region = project, region
        self._client = client if client is not None else _client(region)
        self._last: Any = None

    def create_run(
        self, job_id: str, display_name: str, specification: bytes, service_account: str | None
    ) -> Run:
        """Starts a run. A second one of the same id is refused, so that repeating it does no harm.

        Raises:
          ClusterError: it was refused.
          ClusterUnreachableError: there was no answer.
        """
        from google.cloud.aiplatform_v1 import types
        from google.protobuf import json_format

        message = types.PipelineJob()
        json_format.ParseDict(_job(specification), message._pb)
        message.display_name = display_name
        if service_account:
            message.service_account = service_account
        try:
            job = self._call(
                "create_pipeline_job", parent=self._parent, pipeline_job=message, pipeline_job_id=job_id
            )
        except ClusterError as error:
            if error.status != 409:
                raise
            return self.run(job_id)
        return self._run(job)

    def run(self, run_id: str) -> Run:
        """A run as it is now, with its tasks."""
        self._last = self._call("get_pipeline_job", name=f"{self._parent}/pipelineJobs/{run_id}")
        return self._run(self._last)

    def terminate(self, run_id: str) -> None:
        """Asks for a run's end."""
        self._call("cancel_pipeline_job", name=f"{self._parent}/pipelineJobs/{run_id}")

    def pushed(self) -> bool | None:
        """Whether the run that was asked for last has pushed its model, by the Pusher's output; None where
        there is no such output."""
        tasks = self._last.job_detail.task_details if self._last is not None else []
        for task in tasks:
            for entry in task.outputs.values() if task.task_name == "Pusher" else ():
                for artifact in entry.artifacts:
                    if "pushed" in artifact.metadata:
                        return int(artifact.metadata["pushed"]) == 1
        return None

    def run_link(self, run_id: str) -> str:
        """The run's page."""
        return (
            f"https://console.cloud.google.com/vertex-ai/locations/{self.region}/pipelines/runs/{run_id}"
            f"?project={self.project}"
        )

    @property
    def _parent(self) -> str:
        return f"projects/{self.project}/locations/{self.region}"

    def _call(self, method: str, **request: Any) -> Any:
        from google.api_core import exceptions
        from google.auth import exceptions as auth_exceptions

        try:
            return getattr(self._client, method)(request=request, timeout=_TIMEOUT_S, retry=None)
        except auth_exceptions.GoogleAuthError as error:
            raise _no_credentials(error) from None
        except exceptions.GoogleAPIError as error:
            text = f"Vertex AI, {method} in {self._parent}: {getattr(error, 'message', None) or error}"
            if type(error).__name__ in _TRY_AGAIN:
                raise ClusterUnreachableError(text) from None
            raise ClusterError(text, int(getattr(error, "code", None) or 0)) from None

    def _run(self, job: Any) -> Run:
        tasks = [
            Task(
                display_name=task.task_name,
                state=_state(task.state),
                start_time=_time(task.start_time),
                end_time=_time(task.end_time),
                error=_status(task.error),
            )
            for task in job.job_detail.task_details
        ]
        return Run(
            run_id=job.name.rpartition("/")[2],
            display_name=job.display_name,
            state=_state(job.state),
            error=_status(job.error),
            run_details=RunDetails(task_details=tasks),
        )


def _client(region: str) -> Any:
    from google.auth import exceptions
    from google.cloud import aiplatform_v1

    options = {"api_endpoint": f"{region}-aiplatform.googleapis.com"}
    try:
        return aiplatform_v1.PipelineServiceClient(client_options=options)
    except exceptions.GoogleAuthError as error:
        raise _no_credentials(error) from None


def _no_credentials(error: Exception) -> ClusterError:
    first = (str(error).splitlines() or [type(error).__name__])[0]
    return ClusterError(
        f"Vertex AI: no usable Google credentials: {first}: 'gcloud auth application-default login', or "
        "GOOGLE_APPLICATION_CREDENTIALS"
    )


def _job(specification: bytes) -> Mapping[str, Any]:
    """A pipeline job's JSON form from what was compiled: such a job, or the specification alone."""
    compiled = next(yaml.safe_load_all(specification))
    if "pipelineSpec" in compiled:
        return {name: compiled[name] for name in ("pipelineSpec", "runtimeConfig") if name in compiled}
    root = (
        {"gcsOutputDirectory": compiled["defaultPipelineRoot"]} if compiled.get("defaultPipelineRoot") else {}
    )
    return {"pipelineSpec": compiled, "runtimeConfig": root}


def _state(state: Any) -> str:
    """``PIPELINE_STATE_SUCCEEDED`` of a job and ``SUCCEEDED`` of a task -> ``SUCCEEDED``."""
    name = str(state.name).removeprefix("PIPELINE_STATE_")
    return _STATES.get(name, name)


def _status(error: Any) -> Status | None:
    return Status(code=error.code, message=error.message) if error is not None and error.code else None


def _time(time: Any) -> datetime.datetime | None:
    return datetime.datetime.fromtimestamp(time.timestamp(), datetime.timezone.utc) if time else None
