"""A run on a server, shown stage by stage as a local run is.

The server knows a run's tasks, and a stage is the task that is named like it. The open-source backend runs
each stage as two pods: a driver, which looks into the cache, and an executor, which is skipped when the
result was found there; tasks called ``executor`` do not say whose they are, so that each is taken for the
stage that began nearest to it. Other servers say of the stage itself that it was skipped.
"""

from __future__ import annotations

import datetime
import typing
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from pipeline.kubeflow.answers import ENDED, Run, Task
from pipeline.kubeflow.settings import Stage
from pipeline.kubeflow.submission import Patience

Ending = Literal["done", "cached", "failed", "not run"]
STAGES: tuple[str, ...] = typing.get_args(Stage)
"""In the order of the pipeline."""
_EXECUTOR, _DRIVER = "executor", "-driver"
_YEAR = 2000
"""Times before are the server's way to say that there is none yet."""
_LATEST = datetime.datetime.max.replace(tzinfo=datetime.timezone.utc)


@dataclass(frozen=True)
class StageResult:
    """How a stage ended."""

    stage: str
    ending: Ending
    seconds: float
    message: str = ""


class Runs(Protocol):
    """Where runs are."""

    def run(self, run_id: str) -> Run: ...


class Display(Protocol):
    """What `pipeline.terminal.RunDisplay` shows."""

    def start(self, stage: str, activity: str = "") -> None: ...

    def finish(self, seconds: float, cached: bool, result: str | None = None) -> None: ...

    def fail(self, message: str) -> None: ...

    def say(self, line: str, style: str | None = None) -> None: ...


def follow(runs: Runs, run_id: str, display: Display, patience: Patience, poll_s: float) -> Run:
    """Shows the run until it has ended; returns it as it is then.

    Args:
      runs: asked every ``poll_s`` seconds, and again after a pause while it does not answer.
      run_id: the run.
      display: told of each stage.

    Raises:
      ClusterUnreachableError: there was no answer for ``patience.total_s``. The run goes on.
      ClusterError: the server refused, as when a token has expired. The run goes on.
    """
    shown: set[str] = set()
    under_way: str | None = None
    while True:
        run = patience.until_answered(
            lambda: runs.run(run_id), lambda text: display.say(f"! {text}", style="yellow")
        )
        has_ended = run.state in ENDED
        for result in results(run.tasks, has_ended):
            if result.stage not in shown:
                shown.add(result.stage)
                _show(result, display)
                under_way = None
        if has_ended:
            return run
        now = next((stage for stage in running(run.tasks) if stage not in shown), None)
        if now is not None and now != under_way:
            display.start(now)
        under_way = now
        patience.sleep(poll_s)


def results(tasks: Sequence[Task], has_ended: bool) -> list[StageResult]:
    """Of the stages that have ended, how; in the order of their ends, and then of the pipeline.

    Args:
      tasks: the run's.
      has_ended: whether the run has, so that a stage that has not begun never will.
    """
    by_stage = _by_stage(tasks)
    executors = _executors(tasks, by_stage)
    drivers = {
        task.display_name.removesuffix(_DRIVER): task for task in tasks if task.display_name.endswith(_DRIVER)
    }
    found = []
    for stage, task in by_stage.items():
        if task.state in ENDED or has_ended:
            pods = [pod for pod in (executors.get(stage), drivers.get(stage)) if pod is not None]
            message = next((each.message for each in (task, *pods) if each.message), "")
            is_skipped = bool(stage in executors and executors[stage].state == "SKIPPED")
            result = StageResult(stage, _ending(task, is_skipped, has_ended), _seconds(task), message)
            found.append((_moment(task.end_time) or _LATEST, result))
    return [result for _, result in sorted(found, key=lambda pair: pair[0])]


def running(tasks: Sequence[Task]) -> list[str]:
    """The stages that are under way."""
    by_stage = _by_stage(tasks)
    return [stage for stage, task in by_stage.items() if task.state in ("RUNNING", "CANCELING")]


def _show(result: StageResult, display: Display) -> None:
    display.start(result.stage)
    if result.ending in ("done", "cached"):
        display.finish(result.seconds, result.ending == "cached", result.message or None)
    else:
        display.fail(result.message or result.ending)


def _by_stage(tasks: Sequence[Task]) -> dict[str, Task]:
    """Stage -> its task, in the pipeline's order; the last one where a stage was run again."""
    last = {task.display_name: task for task in tasks}
    return {stage: last[stage] for stage in STAGES if stage in last}


def _executors(tasks: Sequence[Task], by_stage: dict[str, Task]) -> dict[str, Task]:
    """Stage -> its executor: of all pairs of the two, the nearest first."""
    executors = [task for task in tasks if task.display_name == _EXECUTOR]
    pairs = sorted(
        (_distance(task, executor), stage, index)
        for stage, task in by_stage.items()
        for index, executor in enumerate(executors)
    )
    found: dict[str, int] = {}
    for _, stage, index in pairs:
        if stage not in found and index not in found.values():
            found[stage] = index
    return {stage: executors[index] for stage, index in found.items()}


def _distance(stage: Task, executor: Task) -> tuple[float, float]:
    """How far apart they began, and then how far apart they ended, in seconds."""
    return (
        _apart(stage.start_time, executor.start_time),
        _apart(stage.end_time, executor.end_time),
    )


def _apart(one: datetime.datetime | None, other: datetime.datetime | None) -> float:
    first, second = _moment(one), _moment(other)
    if first is None or second is None:
        return 0.0 if first is second else float("inf")
    return abs((first - second).total_seconds())


def _ending(task: Task, is_execution_skipped: bool, has_run_ended: bool) -> Ending:
    if task.state == "SUCCEEDED":
        return "cached" if is_execution_skipped else "done"
    if task.state == "SKIPPED":
        return "cached"
    if task.state == "FAILED":
        return "failed"
    return "not run" if has_run_ended else "failed"


def _seconds(task: Task) -> float:
    start, end = _moment(task.start_time), _moment(task.end_time)
    return (end - start).total_seconds() if start is not None and end is not None else 0.0


def _moment(time: datetime.datetime | None) -> datetime.datetime | None:
    """A time with its zone, or None for the zero that stands for no time."""
    if time is None or time.year < _YEAR:
        return None
    return time if time.tzinfo is not None else time.replace(tzinfo=datetime.timezone.utc)
