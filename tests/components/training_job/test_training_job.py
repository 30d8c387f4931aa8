"""A TFJob: what is written, and how the Trainer stage starts one and waits, on a small API server."""

import json
import os
import signal
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import kubernetes_validate
import pytest
from kubernetes import client
from pydantic import ValidationError
from tfx.components.trainer.fn_args_utils import FnArgs

from components.errors import TrainingJobError
from components.trainer import run as trainer_run
from components.trainer.settings import SETTINGS, TrainerSettings
from components.training_job import cluster, manifest, request
from components.training_job.settings import TrainingJobConfig
from models import manifest as model_manifest
from models.config import ModelConfig, TrainingConfig

SETTINGS_OF_JOB = TrainingJobConfig(
    workers=3, namespace="team", gpus=2, service_account="trainer", node_selector={"gpu": "h100"},
    environment={"NCCL_DEBUG": "INFO"}, poll_s=0.01, tolerations=[{"key": "nvidia.com/gpu"}],
)  # fmt: skip
PATH = "/apis/kubeflow.org/v1/namespaces/team/tfjobs"


class Cluster:
    """An API server that knows TFJobs; each look at a job gives the next of these states."""

    def __init__(self):
        self.jobs, self.deleted, self.refuse = {}, [], {}
        self.states = []
        self.requests = []
        self.on_end = None
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *_):
                pass

            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                outer.answer(self, "POST", body)

            def do_GET(self):
                outer.answer(self, "GET", None)

            def do_DELETE(self):
                outer.answer(self, "DELETE", None)

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def answer(self, handler, method, body):
        self.requests.append((method, handler.path))
        status, found = self._result(method, handler.path, body)
        content = json.dumps(found).encode()
        handler.send_response(status)
        handler.send_header("Content-Type", "application/json")
        handler.send_header("Content-Length", str(len(content)))
        handler.end_headers()
        handler.wfile.write(content)

    def _result(self, method, path, body):
        refused = self.refuse.get(method)
        if refused:
            return (refused.pop(0) if isinstance(refused, list) else refused), {"message": "refused"}
        name = path.removeprefix(PATH).strip("/")
        if method == "POST":
            name = body["metadata"]["name"]
            if path != PATH or name in self.jobs:
                return (409 if name in self.jobs else 404), {}
            self.jobs[name] = body
            return 201, body
        if name not in self.jobs:
            return 404, {}
        if method == "DELETE":
            self.deleted.append(self.jobs.pop(name))
            return 200, {}
        if len(self.states) > 1:
            self.jobs[name]["status"] = self.states.pop(0)
        elif self.states:
            self.jobs[name]["status"] = self.states[0]
            if self.on_end:
                self.on_end(self.jobs[name])
        return 200, self.jobs[name]

    def api(self):
        configuration = client.Configuration(host=f"http://127.0.0.1:{self.server.server_port}")
        configuration.retries = False
        return client.CustomObjectsApi(client.ApiClient(configuration))


def _status(kind, message="", active=None):
    conditions = [{"type": "Created", "status": "True"}, {"type": kind, "status": "True", "message": message}]
    return {"conditions": conditions, "replicaStatuses": {"Worker": {"active": active}}}


def has_model():
    return True


@pytest.fixture
def api_server():
    started = Cluster()
    yield started
    started.server.shutdown()
    started.server.server_close()


@pytest.fixture
def job():
    return manifest.build(SETTINGS_OF_JOB, "tiny-1", "tiny", "repo/lexmill:1", "gs://b/request.json")


def test_the_job_has_the_workers_their_image_resources_and_request(job):
    written = job.as_dict()
    assert (written["apiVersion"], written["kind"]) == ("kubeflow.org/v1", "TFJob")
    assert written["metadata"]["namespace"] == "team"
    worker = written["spec"]["tfReplicaSpecs"]["Worker"]
    [container] = worker["template"]["spec"]["containers"]
    assert worker["replicas"] == 3
    assert container["name"] == "tensorflow"
    assert container["command"] + container["args"] == [
        "python", "-m", "components.training_job", "gs://b/request.json",
    ]  # fmt: skip
    assert container["resources"]["limits"] == {"cpu": "4", "memory": "16G", "nvidia.com/gpu": "2"}
    assert worker["template"]["spec"]["tolerations"] == [{"key": "nvidia.com/gpu", "operator": "Exists"}]


def test_several_gpus_have_shared_memory_to_sum_gradients_in(job):
    pod = job.as_dict()["spec"]["tfReplicaSpecs"]["Worker"]["template"]["spec"]
    assert pod["volumes"] == [{"name": "shared-memory", "emptyDir": {"medium": "Memory"}}]
    assert pod["containers"][0]["volumeMounts"] == [{"name": "shared-memory", "mountPath": "/dev/shm"}]
    one = manifest.build(SETTINGS_OF_JOB.model_copy(update={"gpus": 1}), "a", "a", "i", "gs://b/r")
    assert "volumes" not in one.as_dict()["spec"]["tfReplicaSpecs"]["Worker"]["template"]["spec"]


def _is_given_up(job, restarts_of_each):
    """As the training operator decides, from the restarts of all pods together."""
    limit, restarts = job.spec.runPolicy.backoffLimit, sum(restarts_of_each)
    return restarts > 0 if limit == 0 else restarts >= limit


def test_retries_are_of_all_workers_as_one_that_fails_takes_the_others_with_it(job):
    assert not _is_given_up(job, [3, 3, 3])
    assert _is_given_up(job, [4, 4, 4])
    never = manifest.build(SETTINGS_OF_JOB.model_copy(update={"retries": 0}), "a", "a", "i", "gs://b/r")
    assert not _is_given_up(never, [0, 0, 0])
    assert _is_given_up(never, [1, 0, 0])


@pytest.mark.parametrize(("given", "written"), [(0.001, "0.001G"), (12345.678, "12345.678G"), (16.0, "16G")])
def test_an_amount_is_written_without_an_exponent(given, written):
    settings = SETTINGS_OF_JOB.model_copy(update={"memory_gb": given})
    job = manifest.build(settings, "a", "a", "i", "gs://b/r")
    assert job.spec.tfReplicaSpecs.Worker.template.spec.containers[0].resources.limits["memory"] == written


@pytest.mark.parametrize(
    ("field", "value", "told"),
    [
        ("gpu_type", "A100", "Kubernetes would wait for ever"),
        ("memory_gb", 1e7, "less than or equal to"),
        ("environment", {"A-B": "1"}, "'A-B' is no name of an environment variable"),
        ("node_selector", {"a b": "c"}, "'a b' is no label"),
    ],
)
def test_what_kubernetes_would_not_take_is_told_when_the_configuration_is_read(field, value, told):
    with pytest.raises(ValidationError, match=told):
        TrainingJobConfig(workers=2, **{field: value})


def test_its_pods_are_what_kubernetes_own_schema_takes(job):
    template = job.as_dict()["spec"]["tfReplicaSpecs"]["Worker"]["template"]
    pod = {"apiVersion": "v1", "kind": "Pod", **template}
    kubernetes_validate.validate(pod, "1.33", strict=True)


def test_a_field_that_no_tfjob_has_cannot_be_written(job):
    written = job.as_dict()
    assert manifest.TFJob.model_validate(written) == job
    written["spec"]["tfReplicaSpecs"]["Worker"]["replica"] = 3
    with pytest.raises(ValidationError, match="replica"):
        manifest.TFJob.model_validate(written)


def test_the_stage_waits_until_the_job_has_succeeded(api_server, job, caplog):
    api_server.states = [_status("Running", active=2), _status("Running", active=3), _status("Succeeded")]
    with caplog.at_level("INFO", "lexmill.progress"):
        cluster.run(job, 0.01, api_server.api(), has_model)
    assert api_server.requests[0] == ("POST", PATH)
    assert [record.getMessage().partition(": ")[2] for record in caplog.records] == [
        "Created", "Running, 2 workers", "Running, 3 workers", "Succeeded",
    ]  # fmt: skip


def test_a_job_that_fails_is_told_with_the_operators_reason(api_server, job):
    api_server.states = [
        _status("Failed", "TFJob team/tiny-1 has failed because 1\nWorker replica(s) failed.")
    ]
    line = r"^TFJob tiny-1 in namespace team failed: .*because 1 Worker replica\(s\) failed.; see the logs"
    with pytest.raises(TrainingJobError, match=line):
        cluster.run(job, 0.01, api_server.api(), has_model)


def test_a_stage_that_is_tried_again_waits_for_the_job_that_it_started(api_server, job):
    api_server.jobs["tiny-1"] = {**job.as_dict(), "status": _status("Running")}
    api_server.states = [_status("Succeeded")]
    cluster.run(job, 0.01, api_server.api(), has_model)
    assert api_server.deleted == []


def test_a_job_that_had_failed_is_made_anew(api_server, job):
    api_server.states = [_status("Failed", "before"), _status("Succeeded")]
    api_server.jobs["tiny-1"] = job.as_dict()
    cluster.run(job, 0.01, api_server.api(), has_model)
    assert len(api_server.deleted) == 1


def test_a_job_whose_model_is_gone_is_made_anew(api_server, job):
    """A stage whose pod was lost after the job's end is tried again with empty outputs."""
    api_server.states = [_status("Succeeded")]
    api_server.jobs["tiny-1"] = job.as_dict()
    cluster.run(job, 0.01, api_server.api(), has_model)
    assert api_server.deleted == []
    cluster.run(job, 0.01, api_server.api(), lambda: False)
    assert len(api_server.deleted) == 1
    assert list(api_server.jobs) == ["tiny-1"]


def test_a_stage_that_is_told_to_end_ends_its_job(api_server, job):
    api_server.states = [_status("Running", active=3)]
    before = signal.getsignal(signal.SIGTERM)

    def cancel(_):
        os.kill(os.getpid(), signal.SIGTERM)

    with pytest.raises(SystemExit) as caught:
        cluster.run(job, 0.01, api_server.api(), has_model, sleep=cancel)
    assert caught.value.code == 143
    assert api_server.jobs == {}
    assert signal.getsignal(signal.SIGTERM) == before


def test_an_api_server_that_does_not_answer_for_a_while_ends_nothing(api_server, job):
    api_server.refuse = {"GET": [500, 503, 429]}
    api_server.states = [_status("Succeeded")]
    cluster.run(job, 0.01, api_server.api(), has_model)


def test_one_that_is_silent_for_long_ends_the_waiting_and_says_that_the_job_may_run_on(api_server, job):
    api_server.refuse = {"GET": 503}
    times = iter(range(0, 10_000, 400))
    with pytest.raises(TrainingJobError, match=r"has not answered for 800 s .* may still run: run again"):
        cluster.run(
            job, 0.01, api_server.api(), has_model, sleep=lambda _: None, clock=lambda: float(next(times))
        )


@pytest.mark.parametrize(
    ("status", "message"),
    [
        (404, "the cluster knows no TFJob: install Kubeflow's training operator, or set"),
        (403, r"may not be created \(Forbidden\): allow the pipeline's service account to create"),
        (422, "could not be created: 422"),
    ],
)
def test_a_job_that_cannot_be_created_is_one_line(api_server, job, status, message):
    api_server.refuse = {"POST": status}
    with pytest.raises(TrainingJobError, match=message):
        cluster.run(job, 0.01, api_server.api(), has_model)


def test_a_job_that_is_deleted_while_it_runs_is_told(api_server, job):
    api_server.refuse = {"GET": 404}
    with pytest.raises(TrainingJobError, match="was deleted while it ran: run again"):
        cluster.run(job, 0.01, api_server.api(), has_model)


def test_the_trainer_stage_hands_the_workers_a_request_and_takes_the_model_that_they_leave(
    api_server, tmp_path, monkeypatch, caplog
):
    monkeypatch.setattr(cluster, "api", api_server.api)
    api_server.states = [_status("Running", active=3), _status("Succeeded")]
    model_dir = tmp_path / "model" / "7" / "Format-Serving"

    def train(job):
        """What the chief worker does at last."""
        [uri] = job["spec"]["tfReplicaSpecs"]["Worker"]["template"]["spec"]["containers"][0]["args"]
        fn_args = request.read(uri).fn_args()
        settings = TrainerSettings.model_validate_json(fn_args.custom_config[SETTINGS])
        assert settings.job is None  # A worker trains, and starts no job.
        model_manifest.write(
            fn_args.serving_model_dir,
            model_manifest.Manifest(
                model=settings.model, training=settings.training, num_parameters=5, vocabulary_size=10,
                context_length=8, tokenizer_sha256="t", weights_sha256="w", validation_bits_per_byte=2.0,
                training_tokens=1000, training_seconds=9.0,
            ),
        )  # fmt: skip

    api_server.on_end = train
    settings = TrainerSettings(
        model=ModelConfig(), training=TrainingConfig(), sequence_length=8, job=SETTINGS_OF_JOB,
        job_image="repo/lexmill:1", pipeline="tiny",
    )  # fmt: skip
    fn_args = FnArgs(
        train_files=["/rows/train-*"], eval_files=["/rows/eval-*"], serving_model_dir=str(model_dir),
        model_run_dir=str(tmp_path / "run"), custom_config={SETTINGS: settings.model_dump_json()},
    )  # fmt: skip
    with caplog.at_level("INFO", "lexmill.progress"):
        trainer_run.run_fn(fn_args)
        trainer_run.run_fn(fn_args)  # Tried again: the same job.
    assert "1,000 tokens on 3 machines in 9 s, 2.000 bits per byte" in caplog.records[-1].getMessage()
    assert len(api_server.jobs) == 1
    assert next(iter(api_server.jobs)).startswith("tiny-")


def test_outside_a_cluster_it_is_one_line(monkeypatch, tmp_path):
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "none"))
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    monkeypatch.setattr("kubernetes.config.kube_config.KUBE_CONFIG_DEFAULT_LOCATION", str(tmp_path / "none"))
    with pytest.raises(TrainingJobError, match="is in no pod, and kubectl is not configured"):
        cluster.api()
