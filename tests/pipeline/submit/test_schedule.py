"""Runs that the server starts again and again: asked for whole, and once."""

import pytest

from pipeline.errors import ConfigError
from pipeline.kubeflow import schedule
from pipeline.kubeflow.api import PipelinesApi
from pipeline.kubeflow.connection import Connection
from pipeline.kubeflow.schedule import Schedule
from pipeline.kubeflow.submission import Patience, Submission, Submitter

HOURLY = Schedule(every_s=3600)


@pytest.fixture
def submitter(kubeflow):
    api = PipelinesApi(Connection(kubeflow.url, lambda: None, timeout_s=20.0), namespace="mine")
    return Submitter(api, Patience(total_s=30.0, sleep=lambda seconds: None), say=lambda text: None)


def start(submitter, when=HOURLY, specification=b"pipelineInfo: {name: news}\n"):
    one = Submission("news", specification, "Default", "news 1", service_account="runner")
    pipeline, version, _ = submitter.upload(one)
    return submitter.schedule(one, pipeline, version, when)


@pytest.mark.parametrize(
    ("given", "expected", "trigger", "told"),
    [
        (("30m", None), Schedule(1800), {"periodic_schedule": {"interval_second": "1800"}}, "every 30m"),
        (("6h", None), Schedule(21600), {"periodic_schedule": {"interval_second": "21600"}}, "every 6h"),
        (("48h", None), Schedule(172800), {"periodic_schedule": {"interval_second": "172800"}}, "every 2d"),
        ((None, "0 15  * * * *"), Schedule(cron="0 15 * * * *"), {"cron_schedule": {"cron": "0 15 * * * *"}},
         "at 0 15 * * * *"),
    ],
)  # fmt: skip
def test_a_schedule_is_read_told_and_written_as_the_server_has_it(given, expected, trigger, told):
    assert schedule.read(*given) == expected
    assert (expected.trigger(), str(expected)) == (trigger, told)


@pytest.mark.parametrize(
    ("every", "cron", "message"),
    [
        ("6", None, r"^--every 6: expected a number of minutes, hours or days: 30m, 6h, 1d$"),
        ("0h", None, r"^--every 0h: expected"),
        (
            None,
            "15 * * * *",
            r"^--cron '15 \* \* \* \*': expected six fields, second, minute, .*: '0 15",
        ),
        ("6h", "0 15 * * * *", r"^--every and --cron both say when to run: give one$"),
    ],
)
def test_what_is_no_schedule_is_refused(every, cron, message):
    with pytest.raises(ConfigError, match=message):
        schedule.read(every, cron)


def test_the_server_is_to_start_the_uploaded_version_one_run_at_a_time(submitter, kubeflow):
    made, ended = start(submitter)
    [there], [version], [experiment] = kubeflow.recurring_runs, kubeflow.versions, kubeflow.experiments
    assert (made.recurring_run_id, ended) == (there.recurring_run_id, 0)
    assert there.pipeline_version_reference["pipeline_version_id"] == version.pipeline_version_id
    assert (there.display_name, there.experiment_id) == ("news", experiment.experiment_id)
    assert there.trigger == {"periodic_schedule": {"interval_second": "3600"}}
    assert (there.max_concurrency, there.no_catchup, there.mode) == ("1", True, "ENABLE")
    assert there.service_account == "runner"
    assert kubeflow.runs == []


def test_the_same_again_changes_nothing(submitter, kubeflow):
    first, _ = start(submitter)
    assert start(submitter) == (first, 0)
    assert len(kubeflow.recurring_runs) == 1


@pytest.mark.parametrize(
    ("when", "specification"),
    [
        (Schedule(every_s=7200), b"pipelineInfo: {name: news}\n"),
        (Schedule(cron="0 15 * * * *"), b"pipelineInfo: {name: news}\n"),
        (HOURLY, b"pipelineInfo: {name: news}\na: 1\n"),
    ],
)
def test_another_time_or_another_specification_takes_the_place_of_the_one_before(
    submitter, kubeflow, when, specification
):
    first, _ = start(submitter)
    second, ended = start(submitter, when, specification)
    assert ended == 1
    assert [one.recurring_run_id for one in kubeflow.recurring_runs] == [second.recurring_run_id]
    assert second.recurring_run_id != first.recurring_run_id


def test_one_that_was_switched_off_is_no_schedule(submitter, kubeflow):
    start(submitter)
    kubeflow.recurring_runs[0].status = "DISABLED"
    assert start(submitter)[1] == 1
    assert [one.status for one in kubeflow.recurring_runs] == ["ENABLED"]


@pytest.mark.parametrize("fault", ["lost", "truncated", "dropped", 503, b"{"])
def test_no_second_one_is_made_when_an_answer_is_lost(submitter, kubeflow, fault):
    kubeflow.fail("POST", "/recurringruns", fault)
    start(submitter)
    assert len(kubeflow.recurring_runs) == 1


@pytest.mark.parametrize("fault", ["lost", "dropped"])
def test_ending_one_goes_on_after_a_lost_answer(submitter, kubeflow, fault):
    start(submitter)
    kubeflow.fail("DELETE", "/recurringruns", fault)
    assert submitter.end_schedule("news", "Default") == 1
    assert kubeflow.recurring_runs == []


def test_other_pipelines_and_experiments_keep_theirs(submitter, kubeflow):
    start(submitter)
    assert submitter.end_schedule("prose", "Default") == 0
    assert submitter.end_schedule("news", "Other") == 0
    assert len(kubeflow.recurring_runs) == 1
