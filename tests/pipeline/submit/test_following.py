"""From a run's tasks, as servers give them, to the stages' lines."""

import datetime
import io

import pytest

from pipeline.kubeflow.answers import Run, RunDetails, Status, Task
from pipeline.kubeflow.api import PipelinesApi
from pipeline.kubeflow.connection import ClusterError, ClusterUnreachableError, Connection
from pipeline.kubeflow.following import STAGES, StageResult, follow, results, running
from pipeline.kubeflow.submission import Patience
from pipeline.terminal import RunDisplay

START = datetime.datetime(2026, 1, 31, 12, tzinfo=datetime.timezone.utc)


def stage(name, start, end, executor="SUCCEEDED", state="SUCCEEDED", message=""):
    """The three tasks of a stage as the open-source backend has them: the driver is a pod, the stage begins
    when it has ended, and the executor's pod is in the stage."""
    return [
        task(f"{name}-driver", "SUCCEEDED", start - 5, start),
        task(name, state, start, end),
        task("executor", executor, start, end, message),
    ]


def task(name, state, start, end, message=""):
    def time(seconds):
        return START + datetime.timedelta(seconds=seconds)

    return Task(
        display_name=name,
        state=state,
        start_time=time(start),
        end_time=datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc) if end is None else time(end),
        error=Status(code=2, message=message) if message else None,
    )


def test_stages_are_told_in_the_order_of_their_ends_and_plumbing_is_not():
    tasks = [
        task("tiny-x7k2p", "RUNNING", 0, None),
        task("root", "RUNNING", 5, None),
        task("root-driver", "SUCCEEDED", 0, 5),
        *stage("StatisticsGen", 20, 40),
        *stage("CorpusGen", 10, 20),
    ]
    assert results(tasks, False) == [
        StageResult("CorpusGen", "done", 10.0),
        StageResult("StatisticsGen", "done", 20.0),
    ]


def test_a_stage_whose_executor_was_skipped_is_cached_also_beside_one_that_runs():
    tasks = [*stage("CorpusGen", 10, 300), *stage("BaselineFinder", 12, 12, executor="SKIPPED")]
    assert [(each.stage, each.ending) for each in results(tasks, False)] == [
        ("BaselineFinder", "cached"),
        ("CorpusGen", "done"),
    ]


def test_of_two_that_began_together_the_one_that_ended_at_once_is_the_cached_one():
    tasks = [*stage("StatisticsGen", 10, 30), *stage("TokenizerTrainer", 10, 10, executor="SKIPPED")]
    assert {each.stage: each.ending for each in results(tasks, False)} == {
        "StatisticsGen": "done",
        "TokenizerTrainer": "cached",
    }


def test_a_stage_that_is_itself_skipped_is_cached():
    assert results([task("Trainer", "SKIPPED", 0, 1)], False) == [StageResult("Trainer", "cached", 1.0)]


@pytest.mark.parametrize("place", ["stage", "executor", "driver"])
def test_a_failed_stage_has_its_message_wherever_the_server_puts_it(place):
    tasks = stage("Trainer", 10, 20, executor="FAILED", state="FAILED")
    index = {"driver": 0, "stage": 1, "executor": 2}[place]
    tasks[index] = tasks[index].model_copy(update={"error": Status(code=2, message="exit code 1")})
    assert results(tasks, False) == [StageResult("Trainer", "failed", 10.0, "exit code 1")]


def test_what_had_not_begun_when_the_run_ended_has_not_run():
    tasks = [
        *stage("Trainer", 10, 20, state="FAILED"),
        task("Evaluator", "RUNTIME_STATE_UNSPECIFIED", 20, 20),
    ]
    assert [each.ending for each in results(tasks, True)] == ["failed", "not run"]
    assert [each.ending for each in results(tasks, False)] == ["failed"]


def test_stages_under_way_are_in_the_pipelines_order():
    tasks = [task("Trainer", "RUNNING", 0, None), task("StatisticsGen", "RUNNING", 0, None)]
    assert running(tasks) == ["StatisticsGen", "Trainer"]


def test_the_stages_are_those_of_the_compiled_pipeline():
    from pathlib import Path

    import yaml

    golden = Path(__file__).parent.parent / "golden" / "tiny.yaml"
    compiled = next(yaml.safe_load_all(golden.read_text(encoding="utf-8")))
    # tiny asks no tasks.
    assert set(STAGES) == {*compiled["root"]["dag"]["tasks"], "TaskEvaluator"}


class _Runs:
    """Gives the answers one after the other; an exception is raised."""

    def __init__(self, *answers):
        self.answers = list(answers)

    def run(self, run_id):
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        state, *tasks = answer
        return Run(
            run_id=run_id, state=state, run_details=RunDetails(task_details=[t for g in tasks for t in g])
        )


def lines(runs, **patience):
    file, waits = io.StringIO(), []
    with RunDisplay(file) as display:
        run = follow(runs, "run-0", display, Patience(sleep=waits.append, **patience), poll_s=5.0)
    return [line.rstrip() for line in file.getvalue().splitlines()], waits, run


def test_a_followed_run_is_one_line_a_stage_as_a_local_one():
    first = [task("CorpusGen", "RUNNING", 10, None)]
    second = [*stage("CorpusGen", 10, 22), *stage("BaselineFinder", 12, 12, executor="SKIPPED")]
    third = [*second, *stage("Trainer", 30, 90)]
    shown, waits, run = lines(
        _Runs(("RUNNING", first), ("RUNNING", second), ("RUNNING", second), ("SUCCEEDED", third))
    )
    assert shown == [
        "· BaselineFinder     cached",
        "✓ CorpusGen            (12.0 s)",
        "✓ Trainer              (60.0 s)",
    ]
    assert waits == [5.0, 5.0, 5.0]
    assert run.state == "SUCCEEDED"


def test_a_lost_connection_is_said_and_the_run_followed_on():
    ended = ("SUCCEEDED", stage("CorpusGen", 10, 22))
    shown, waits, _ = lines(_Runs(ClusterUnreachableError("lost"), ClusterUnreachableError("lost"), ended))
    assert shown[:2] == ["! lost; trying again in 1 s", "! lost; trying again in 2 s"]
    assert shown[2].startswith("✓ CorpusGen")
    assert waits == [1.0, 2.0]


def test_a_refusal_ends_the_following_at_once():
    with pytest.raises(ClusterError):
        lines(_Runs(ClusterError("401", 401), ("SUCCEEDED",)))


def test_a_failed_stage_is_told_with_its_message():
    tasks = stage("Trainer", 10, 20, executor="FAILED", state="FAILED", message="no space left")
    shown, _, run = lines(_Runs(("FAILED", tasks)))
    assert shown == ["✗ Trainer            no space left"]
    assert run.state == "FAILED"


def test_it_follows_what_a_server_answers(kubeflow):
    kubeflow.create_run(__import__("kfp_server_api"), {"display_name": "tiny 1"})
    kubeflow.script = [[("CorpusGen", "RUNNING", 1, None)], [("CorpusGen", "SUCCEEDED", 1, 8)]]
    kubeflow.fail("GET", "/runs", "dropped", 503, "truncated")
    shown, waits, run = lines(PipelinesApi(Connection(kubeflow.url, lambda: None)))
    assert shown[-1] == "✓ CorpusGen            (7.0 s)"
    assert waits == [1.0, 2.0, 4.0]
    assert run.state == "SUCCEEDED"
