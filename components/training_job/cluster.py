"""Starts a TFJob and waits for its end, by the Kubernetes API.

The job's name is made of what is trained, so a stage that is tried again finds the job that it started and
goes on waiting for it, instead of training twice. While the API server does not answer, the job goes on, and
so does the waiting, for at most `MAX_SILENCE_S`. Where the stage's own pod is ended, by a run that is
cancelled or by its time limit, the job is ended with it: its machines would train on for nobody.
"""

from __future__ import annotations

import contextlib
import signal
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

from components import progress
from components.errors import TrainingJobError
from components.training_job.manifest import GROUP, PLURAL, VERSION, TFJob

MAX_SILENCE_S = 600.0
_CREATED, _GONE = 409, 404
_DENIED = (401, 403)


def api() -> Any:
    """``CustomObjectsApi`` of the cluster that this pod is in, or else of the user's kubectl.

    Raises:
      TrainingJobError: there is neither.
    """
    from kubernetes import client, config
    from kubernetes.config.config_exception import ConfigException

    try:
        config.load_incluster_config()
    except ConfigException:
        try:
            config.load_kube_config()
        except ConfigException as error:
            raise TrainingJobError(
                "training_job.workers: this process is in no pod, and kubectl is not configured: run "
                "the compiled pipeline, or set training_job.workers = 0"
            ) from error
    return client.CustomObjectsApi()


def run(
    job: TFJob,
    poll_s: float,
    objects: Any,
    has_model: Callable[[], bool],
    sleep: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> None:
    """Creates ``job``, unless it is there already, and returns when it has succeeded.

    Args:
      has_model: whether what the job makes is there. A stage that is tried again begins with empty outputs:
        a job that had ended well before is made anew then, and goes on from its last checkpoint.

    Raises:
      TrainingJobError: it may not be created, fails, or is deleted; the message says why.
      SystemExit: this process was told to end (SIGTERM), and has ended the job.
    """
    where = f"TFJob {job.metadata.name} in namespace {job.metadata.namespace}"
    with _ended_with_this_process(job, objects, where):
        found = _create(job, objects, where, has_model)
        _wait(job, found, poll_s, objects, where, sleep, clock)


def _wait(
    job: TFJob,
    found: dict[str, Any],
    poll_s: float,
    objects: Any,
    where: str,
    sleep: Callable[[float], None],
    clock: Callable[[], float],
) -> None:
    from kubernetes.client.exceptions import ApiException

    said, heard = "", clock()
    while True:
        state = _state(found)
        if state != said:
            progress.report(f"{where}: {state}")
            said = state
        if _has(found, "Succeeded"):
            return
        if _has(found, "Failed"):
            raise TrainingJobError(f"{where} failed: {_why(found)}; see the logs of its pods")
        sleep(poll_s)
        try:
            found = objects.get_namespaced_custom_object(*_place(job), job.metadata.name)
            heard = clock()
        except ApiException as error:
            if error.status == _GONE:
                raise TrainingJobError(f"{where} was deleted while it ran: run again") from error
            _tolerate(error, where, clock() - heard)
        except Exception as error:  # The connection's own kinds: urllib3's, and what it wraps.
            _tolerate(error, where, clock() - heard)


class _Terminated(SystemExit):
    """This process was told to end."""


@contextlib.contextmanager
def _ended_with_this_process(job: TFJob, objects: Any, where: str) -> Iterator[None]:
    """Deletes the job on SIGTERM, of which only a program's main thread can be told."""

    def stop(*_: Any) -> None:
        raise _Terminated(128 + signal.SIGTERM)

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    except _Terminated:
        progress.report(f"{where}: this stage is told to end: ending the job")
        objects.delete_namespaced_custom_object(*_place(job), job.metadata.name)
        raise
    finally:
        signal.signal(signal.SIGTERM, before if before is not None else signal.SIG_DFL)


def _create(job: TFJob, objects: Any, where: str, has_model: Callable[[], bool]) -> dict[str, Any]:
    from kubernetes.client.exceptions import ApiException

    try:
        created: dict[str, Any] = objects.create_namespaced_custom_object(*_place(job), job.as_dict())
        return created
    except ApiException as error:
        if error.status == _GONE:
            raise TrainingJobError(
                f"{where}: the cluster knows no TFJob: install Kubeflow's training operator, or set "
                "training_job.workers = 0"
            ) from error
        if error.status in _DENIED:
            raise TrainingJobError(
                f"{where}: may not be created ({error.reason}): allow the pipeline's service account to "
                f"create, get and delete {PLURAL}.{GROUP}"
            ) from error
        if error.status != _CREATED:
            raise TrainingJobError(f"{where}: could not be created: {error.status} {error.reason}") from error
    found: dict[str, Any] = objects.get_namespaced_custom_object(*_place(job), job.metadata.name)
    if not _has(found, "Failed") and (has_model() or not _has(found, "Succeeded")):
        progress.report(f"{where}: is there already: waiting for it")
        return found
    objects.delete_namespaced_custom_object(*_place(job), job.metadata.name)
    again: dict[str, Any] = objects.create_namespaced_custom_object(*_place(job), job.as_dict())
    return again


def _tolerate(error: Exception, where: str, silent_s: float) -> None:
    if silent_s > MAX_SILENCE_S:
        why = " ".join(str(error).split())[:160]
        raise TrainingJobError(
            f"{where}: the API server has not answered for {silent_s:.0f} s ({why}); the job may still run: "
            "run again to go on waiting for it"
        ) from error


def _place(job: TFJob) -> tuple[str, str, str, str]:
    return GROUP, VERSION, job.metadata.namespace, PLURAL


def _conditions(found: dict[str, Any]) -> list[dict[str, Any]]:
    conditions: list[dict[str, Any]] = (found.get("status") or {}).get("conditions") or []
    return [each for each in conditions if each.get("status") == "True"]


def _has(found: dict[str, Any], kind: str) -> bool:
    return any(each.get("type") == kind for each in _conditions(found))


def _state(found: dict[str, Any]) -> str:
    """``Running, 3 workers``."""
    conditions = _conditions(found)
    workers = ((found.get("status") or {}).get("replicaStatuses") or {}).get("Worker") or {}
    active = workers.get("active")
    counted = f", {active} workers" if active else ""
    return f"{conditions[-1].get('type', 'Created') if conditions else 'Created'}{counted}"


def _why(found: dict[str, Any]) -> str:
    for condition in _conditions(found):
        if condition.get("type") == "Failed":
            return " ".join(str(condition.get("message") or condition.get("reason") or "no reason").split())
    return "no reason"
