"""A compiled pipeline on a Kubeflow Pipelines server: uploaded, and run once or on a schedule.

Every step looks first, so that repeating it does no harm: a version is named by its content's hash and
uploaded only where it is not there yet, and a run's name is new, so that after a lost answer it is looked
for by this name before it is asked for again. A pipeline has one schedule, by its own name: a new one
takes the place of the one before.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import TypeVar

from pipeline.kubeflow.answers import Experiment, Pipeline, RecurringRun, Run, Version
from pipeline.kubeflow.api import PipelinesApi
from pipeline.kubeflow.connection import ClusterError, ClusterUnreachableError
from pipeline.kubeflow.schedule import Schedule

AnyResult = TypeVar("AnyResult")
DESCRIPTION = "Text in, a served language model out."
_WITHOUT_RESULT = frozenset({"FAILED", "CANCELED", "CANCELING", "SKIPPED"})
"""States of a run that is worth starting again."""


@dataclass(frozen=True)
class Patience:
    """How long to wait between tries, twice as long each time, and when to give up."""

    first_wait_s: float = 1.0
    longest_wait_s: float = 60.0
    total_s: float = 600.0
    """Waits add up to this much at most, since the last whole answer."""
    sleep: Callable[[float], None] = field(default=time.sleep, repr=False)

    def waits(self) -> list[float]:
        """Seconds to wait before each further try: 1, 2, 4, … 60, 60, …"""
        found: list[float] = []
        wait = self.first_wait_s
        while sum(found) + wait <= self.total_s:
            found.append(wait)
            wait = min(2 * wait, self.longest_wait_s)
        return found

    def until_answered(self, ask: Callable[[], AnyResult], say: Callable[[str], None]) -> AnyResult:
        """Asks again while there is no answer. Only for what may be asked twice.

        Raises:
          ClusterUnreachableError: none came in all that time.
        """
        for wait_s in self.waits():
            try:
                return ask()
            except ClusterUnreachableError as error:
                say(f"{error}; trying again in {wait_s:g} s")
                self.sleep(wait_s)
        return ask()


@dataclass(frozen=True)
class Submission:
    """What is run, and where it is put."""

    pipeline: str
    """Its name on the server."""
    specification: bytes
    """As compiled: YAML."""
    experiment: str
    run_name: str
    """New: no run on the server is called so."""
    service_account: str | None = None
    description: str = ""
    """Of the run."""

    @property
    def version_name(self) -> str:
        """Of the content: the same specification is the same version."""
        return f"sha256-{hashlib.sha256(self.specification).hexdigest()[:16]}"


@dataclass(frozen=True)
class Submitter:
    """Puts submissions on a server."""

    api: PipelinesApi
    patience: Patience
    say: Callable[[str], None]
    """Told of every try that has to be repeated."""

    def upload(self, submission: Submission) -> tuple[Pipeline, Version, bool]:
        """The pipeline and the version on the server, and whether the version was there before.

        Raises:
          ClusterError, ClusterUnreachableError: as the API has it.
        """
        pipeline = self._there_or_made(
            lambda: self.api.pipeline(submission.pipeline),
            lambda: self.api.create_pipeline(submission.pipeline, DESCRIPTION),
        )[0]
        version, was_there = self._there_or_made(
            lambda: self.api.version(pipeline.pipeline_id, submission.version_name),
            lambda: self.api.upload_version(
                pipeline.pipeline_id, submission.version_name, submission.specification
            ),
        )
        return pipeline, version, was_there

    def start(self, submission: Submission, pipeline: Pipeline, version: Version) -> Run:
        """Starts the run, once."""
        experiment = self._experiment(submission)
        return self._there_or_made(
            lambda: self.api.run_named(experiment.experiment_id, submission.run_name),
            lambda: self.api.create_run(
                submission.run_name,
                submission.description,
                experiment.experiment_id,
                pipeline.pipeline_id,
                version.pipeline_version_id,
                submission.service_account,
            ),
        )[0]

    def latest_described(self, pipeline: str, experiment: str, start: str) -> Run | None:
        """The pipeline's newest run with a description that begins so, of those that have not failed."""
        found = self.patience.until_answered(lambda: self.api.experiment(experiment), self.say)
        if found is None:
            return None

        def look() -> Run | None:
            every = self.api.runs_beginning(found.experiment_id, f"{pipeline} ")
            there = (one for one in every if one.description.startswith(start))
            return next((one for one in there if one.state not in _WITHOUT_RESULT), None)

        return self.patience.until_answered(look, self.say)

    def schedule(
        self, submission: Submission, pipeline: Pipeline, version: Version, schedule: Schedule
    ) -> tuple[RecurringRun, int]:
        """Has the version run on a schedule, and no other of this pipeline; and how many others ended."""
        experiment = self._experiment(submission)

        def all_there() -> list[RecurringRun]:
            return self.api.recurring_runs(experiment.experiment_id, submission.pipeline)

        def this_one() -> RecurringRun | None:
            return next((one for one in all_there() if one.runs(version, schedule)), None)

        made = self._there_or_made(
            this_one,
            lambda: self.api.create_recurring_run(
                submission.pipeline,
                experiment.experiment_id,
                pipeline.pipeline_id,
                version.pipeline_version_id,
                submission.service_account,
                schedule,
            ),
        )[0]
        return made, self._end(all_there, made.recurring_run_id)

    def end_schedule(self, pipeline: str, experiment: str) -> int:
        """Has no run of the pipeline started any more; how many schedules ended."""
        found = self.patience.until_answered(lambda: self.api.experiment(experiment), self.say)
        if found is None:
            return 0
        return self._end(lambda: self.api.recurring_runs(found.experiment_id, pipeline), None)

    def _end(self, all_there: Callable[[], list[RecurringRun]], but: str | None) -> int:
        """Ends all schedules but one. One that is gone already, as after a lost answer, has ended."""
        others = self.patience.until_answered(all_there, self.say)
        ended = [one.recurring_run_id for one in others if one.recurring_run_id != but]
        for name in ended:
            self.patience.until_answered(partial(self.api.delete_recurring_run, name), self.say)
        return len(ended)

    def _experiment(self, submission: Submission) -> Experiment:
        return self._there_or_made(
            lambda: self.api.experiment(submission.experiment),
            lambda: self.api.create_experiment(submission.experiment),
        )[0]

    def _there_or_made(
        self, look: Callable[[], AnyResult | None], make: Callable[[], AnyResult]
    ) -> tuple[AnyResult, bool]:
        """What is there, or else is made; and whether it was there before. After an answer that was lost, or
        that says that it is there now (409), it is looked for again before it is made again."""
        for number, wait_s in enumerate([*self.patience.waits(), None]):
            found = self.patience.until_answered(look, self.say)
            if found is not None:
                return found, number == 0
            try:
                return make(), False
            except (ClusterUnreachableError, ClusterError) as error:
                is_refused = isinstance(error, ClusterError) and error.status not in (0, 409)
                if is_refused or wait_s is None:
                    raise
                self.say(f"{error}; looking in {wait_s:g} s whether it was done")
                self.patience.sleep(wait_s)
        raise AssertionError("the last round returns or raises")
