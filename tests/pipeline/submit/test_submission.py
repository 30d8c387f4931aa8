"""A run is put on the server whole, and once, whatever answers are lost."""

import pytest

from pipeline.kubeflow.api import PipelinesApi
from pipeline.kubeflow.connection import ClusterError, ClusterUnreachableError, Connection
from pipeline.kubeflow.submission import Patience, Submission, Submitter

SPECIFICATION = b"pipelineInfo:\n  name: tiny\n"


@pytest.fixture
def waits():
    return []


@pytest.fixture
def submitter(kubeflow, waits):
    api = PipelinesApi(Connection(kubeflow.url, lambda: None, timeout_s=20.0), namespace="mine")
    return Submitter(api, Patience(total_s=30.0, sleep=waits.append), say=lambda text: None)


def submission(name="tiny 1", specification=SPECIFICATION):
    return Submission("tiny", specification, "Default", name, service_account="runner")


def start(submitter, *given):
    one = submission(*given)
    pipeline, version, _ = submitter.upload(one)
    return submitter.start(one, pipeline, version)


def test_the_run_is_of_the_uploaded_version_in_the_experiment_and_namespace(submitter, kubeflow, waits):
    run = start(submitter)
    [version], [experiment], [pipeline] = kubeflow.versions, kubeflow.experiments, kubeflow.pipelines
    assert version.pipeline_spec == {"text": SPECIFICATION.decode()}
    assert (pipeline.display_name, pipeline.namespace) == ("tiny", "mine")
    assert (experiment.display_name, experiment.namespace) == ("Default", "mine")
    [made] = kubeflow.runs
    assert (made.run_id, made.display_name, made.service_account) == (run.run_id, "tiny 1", "runner")
    assert made.experiment_id == experiment.experiment_id
    assert made.pipeline_version_reference == {
        "pipeline_id": pipeline.pipeline_id,
        "pipeline_version_id": version.pipeline_version_id,
    }
    assert waits == []


def test_the_same_specification_is_uploaded_once(submitter, kubeflow):
    start(submitter, "tiny 1")
    start(submitter, "tiny 2")
    assert (len(kubeflow.versions), len(kubeflow.runs)) == (1, 2)
    assert submitter.upload(submission())[2] is True


def test_another_specification_is_a_new_version_of_the_same_pipeline(submitter, kubeflow):
    start(submitter, "tiny 1")
    start(submitter, "tiny 2", SPECIFICATION + b"a: 1\n")
    assert (len(kubeflow.pipelines), len(kubeflow.versions)) == (1, 2)


@pytest.mark.parametrize("path", ["/pipelines", "/pipelines/upload_version", "/experiments", "/runs"])
@pytest.mark.parametrize("fault", ["lost", "truncated", "dropped", 503, b"{"])
def test_nothing_is_made_twice_or_left_out_when_an_answer_is_lost(submitter, kubeflow, path, fault):
    kubeflow.fail("POST", path, fault)
    if path == "/pipelines":
        kubeflow.faults = [("POST", "/pipelines", fault)]
    start(submitter)
    made = [kubeflow.pipelines, kubeflow.versions, kubeflow.experiments, kubeflow.runs]
    assert [len(each) for each in made] == [1, 1, 1, 1]
    is_done = fault in ("lost", "truncated")
    assert kubeflow.count("POST", path) == (1 if is_done else 2)


def test_a_pipeline_that_someone_else_makes_meanwhile_is_taken(submitter, kubeflow):
    kubeflow.fail("POST", "/pipelines", 409)
    start(submitter)
    assert len(kubeflow.pipelines) == 1


def test_a_refused_run_is_not_asked_for_again(submitter, kubeflow):
    kubeflow.fail("POST", "/runs", 403)
    with pytest.raises(ClusterError, match="status 403"):
        start(submitter)
    assert kubeflow.count("POST", "/runs") == 1


def test_a_server_that_stays_away_is_given_up_after_the_time_that_was_said(submitter, kubeflow, waits):
    kubeflow.fail("GET", "/pipelines", *["dropped"] * 10)
    with pytest.raises(ClusterUnreachableError):
        submitter.upload(submission())
    assert waits == [1.0, 2.0, 4.0, 8.0]


def test_waits_double_to_the_longest_and_end_with_the_total():
    assert Patience(1.0, 8.0, 40.0).waits() == [1.0, 2.0, 4.0, 8.0, 8.0, 8.0, 8.0]
    assert sum(Patience().waits()) <= 600.0
