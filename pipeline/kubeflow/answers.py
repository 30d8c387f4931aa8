"""What Kubeflow Pipelines' v2beta1 API answers, as far as it is read.

Names are those of the API's published description. Of an answer only what is declared here is read, so that
a server may be newer than this.
"""

from __future__ import annotations

import datetime

from pydantic import BaseModel, ConfigDict

from pipeline.kubeflow.schedule import Schedule

ENDED = frozenset({"SUCCEEDED", "SKIPPED", "FAILED", "CANCELED"})
"""States of a run or a task that are not left again."""


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
    description: str = ""
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


class PeriodicSchedule(Answer):
    """Of a trigger: every so many seconds."""

    interval_second: str = ""


class CronSchedule(Answer):
    """Of a trigger: as a cron expression says."""

    cron: str = ""


class Trigger(Answer):
    """What starts the runs of a recurring run."""

    periodic_schedule: PeriodicSchedule | None = None
    cron_schedule: CronSchedule | None = None


class VersionReference(Answer):
    """Which version of a pipeline is run."""

    pipeline_version_id: str = ""


class RecurringRun(Answer):
    """What starts a run again and again."""

    recurring_run_id: str
    display_name: str = ""
    status: str = ""
    trigger: Trigger = Trigger()
    pipeline_version_reference: VersionReference = VersionReference()

    def runs(self, version: Version, schedule: Schedule) -> bool:
        """Whether it runs this version as the schedule says, and is not switched off."""
        every, cron = self.trigger.periodic_schedule, self.trigger.cron_schedule
        return (
            self.pipeline_version_reference.pipeline_version_id == version.pipeline_version_id
            and self.status != "DISABLED"
            and (every.interval_second if every else "") == str(schedule.every_s or "")
            and (cron.cron if cron else "") == (schedule.cron or "")
        )
