"""Vertex AI, with a client that answers from memory in Google's own message types."""

import datetime

import pytest
from typer.testing import CliRunner

from pipeline.cli import app
from pipeline.commands import submit as command
from pipeline.kubeflow import vertex
from pipeline.kubeflow.connection import ClusterError, ClusterUnreachableError
from pipeline.kubeflow.submission import Patience

START = datetime.datetime(2026, 1, 31, 12, tzinfo=datetime.timezone.utc)
SPECIFICATION = b"""
pipelineSpec: {pipelineInfo: {name: tiny}, schemaVersion: 2.0.0}
runtimeConfig: {gcsOutputDirectory: gs://bucket/root}
"""


class Client:
    """As `PipelineServiceClient`: a fault is raised once, before or after the work."""

    def __init__(self):
        self.jobs, self.faults, self.script, self.calls = {}, [], [], []

    def _fault(self, when):
        if self.faults and self.faults[0][0] == when:
            raise self.faults.pop(0)[1]

    def create_pipeline_job(self, request, timeout, retry):
        from google.api_core import exceptions
        from google.cloud.aiplatform_v1 import types

        self.calls.append("create")
        self._fault("before")
        create = types.CreatePipelineJobRequest(request)
        name = f"{create.parent}/pipelineJobs/{create.pipeline_job_id}"
        if name in self.jobs:
            raise exceptions.AlreadyExists("there already")
        job = create.pipeline_job
        job.name, job.state = name, "PIPELINE_STATE_PENDING"
        self.jobs[name] = job
        self._fault("after")
        return job

    def get_pipeline_job(self, request, timeout, retry):
        from google.api_core import exceptions
        from google.cloud.aiplatform_v1 import types

        self.calls.append("get")
        self._fault("before")
        asked = types.GetPipelineJobRequest(request)
        if asked.name not in self.jobs:
            raise exceptions.NotFound(f"{asked.name} is not there")
        job = self.jobs[asked.name]
        if self.script:
            job.state, job.job_detail = self.script.pop(0)
        return job

    def cancel_pipeline_job(self, request, timeout, retry):
        from google.cloud.aiplatform_v1 import types

        self.jobs[types.CancelPipelineJobRequest(request).name].state = "PIPELINE_STATE_CANCELLED"


def detail(*tasks, pushed=None):
    from google.cloud.aiplatform_v1 import types

    found = []
    for name, state, start, end, *message in tasks:
        task = types.PipelineTaskDetail(task_name=name, state=state)
        task.start_time = START + datetime.timedelta(seconds=start)
        if end is not None:
            task.end_time = START + datetime.timedelta(seconds=end)
        if message:
            task.error = {"code": 2, "message": message[0]}
        if name == "Pusher" and pushed is not None:
            artifact = types.Artifact(uri="gs://bucket/pushed", metadata={"pushed": pushed})
            task.outputs["pushed_model"] = types.PipelineTaskDetail.ArtifactList(artifacts=[artifact])
        found.append(task)
    return types.PipelineJobDetail(task_details=found)


@pytest.fixture
def client(monkeypatch):
    client = Client()
    monkeypatch.setattr(vertex, "_client", lambda region: client)
    monkeypatch.setattr(command, "_compiled", lambda config, target, display: SPECIFICATION)
    monkeypatch.setattr(command, "Patience", lambda: Patience(total_s=10.0, sleep=lambda seconds: None))
    return client


def lexmill(*words):
    given = ["submit", "tiny", "--target", "vertex", "--project", "mine", "--region", "europe-west4", *words]
    return CliRunner().invoke(app, given, env={"COLUMNS": "400"})


def test_the_job_is_the_compiled_one_in_the_project_and_region(client):
    done = lexmill("--no-follow", "--set", "vertex.submit.service_account=runner@mine.iam")
    assert done.exit_code == 0, done.output
    [(name, job)] = client.jobs.items()
    assert name.startswith("projects/mine/locations/europe-west4/pipelineJobs/tiny-2")
    assert job.runtime_config.gcs_output_directory == "gs://bucket/root"
    assert job.pipeline_spec["pipelineInfo"]["name"] == "tiny"
    assert (job.display_name, job.service_account) == ("tiny", "runner@mine.iam")
    run_id = name.rpartition("/")[2]
    link = f"https://console.cloud.google.com/vertex-ai/locations/europe-west4/pipelines/runs/{run_id}?project=mine"
    assert f"run: {link}\n" in done.output
    assert f"--target vertex --project mine --region europe-west4 --follow-run {run_id}" in done.output


@pytest.mark.parametrize(("pushed", "status"), [(1, 0), (0, 3), (None, 0)])
def test_the_pushers_output_tells_whether_the_model_was_pushed(client, pushed, status):
    first = detail(("CorpusGen", "RUNNING", 0, None))
    ended = [("CorpusGen", "SUCCEEDED", 0, 9), ("Trainer", "SKIPPED", 9, 10), ("Pusher", "SUCCEEDED", 10, 12)]
    last = detail(*ended, pushed=pushed)
    client.script = [("PIPELINE_STATE_RUNNING", first), ("PIPELINE_STATE_SUCCEEDED", last)]
    done = lexmill()
    assert done.exit_code == status, done.output
    assert "✓ CorpusGen            (9.0 s)" in done.output
    assert "· Trainer            cached" in done.output
    assert ("cannot be told from here" in done.output) is (pushed is None)


def test_a_failed_stage_is_told_and_what_was_not_triggered_too(client):
    tasks = detail(("Trainer", "FAILED", 0, 9, "out of memory"), ("Evaluator", "NOT_TRIGGERED", 9, 9))
    client.script = [("PIPELINE_STATE_FAILED", tasks)]
    done = lexmill()
    assert done.exit_code == 1
    assert "✗ Trainer            out of memory" in done.output
    assert "✗ Evaluator          not run" in done.output


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_lost_answer_starts_one_job(client, when):
    from google.api_core import exceptions

    client.faults = [(when, exceptions.ServiceUnavailable("the connection was reset"))]
    done = lexmill("--no-follow")
    assert done.exit_code == 0, done.output
    assert len(client.jobs) == 1
    assert client.calls.count("create") == 2
    assert "the connection was reset; trying again in 1 s" in done.output


def test_a_job_is_cancelled(client):
    lexmill("--no-follow")
    [name] = client.jobs
    run_id = name.rpartition("/")[2]
    assert lexmill("--cancel-run", run_id).exit_code == 0
    done = lexmill("--follow-run", run_id)
    assert (done.exit_code, "canceled: " in done.output) == (1, True)


def test_refusals_are_told_in_one_line(client):
    from google.api_core import exceptions
    from google.auth import exceptions as auth_exceptions

    runs = vertex.VertexRuns("mine", "europe-west4", client)
    with pytest.raises(ClusterError, match=r"get_pipeline_job in projects/mine.*is not there") as refused:
        runs.run("a")
    assert refused.value.status == 404
    client.faults = [("before", auth_exceptions.DefaultCredentialsError("none were found\nmore"))]
    with pytest.raises(ClusterError, match=r"none were found: 'gcloud auth application-default login'"):
        runs.run("a")
    client.faults = [("before", exceptions.ResourceExhausted("too many"))]
    with pytest.raises(ClusterUnreachableError, match="too many"):
        runs.run("a")
