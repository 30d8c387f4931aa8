"""A Kubeflow Pipelines server that holds everything in memory, for the client to be tried on.

It speaks the published v2beta1 REST API: which query parameters an operation has, and what is in a body or an
answer, is checked against the models of the installed ``kfp_server_api``, which are generated from that
description. What stages do is a script: a list of tasks for each time that the run is asked for.
"""

import datetime
import json
import operator
import re
import socket
import threading
from contextlib import suppress
from email.parser import BytesParser
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, unquote, urlsplit

import pytest

START = datetime.datetime(2026, 1, 31, 12, tzinfo=datetime.timezone.utc)
ZERO = datetime.datetime(1, 1, 1, tzinfo=datetime.timezone.utc)
TOKEN = "a-secret-token"


class KubeflowServer:
    """The state, and the requests that were made."""

    def __init__(self):
        self.token, self.url, self.page_size = None, "", 2
        self.requests, self.problems = [], []
        self.pipelines, self.versions, self.experiments, self.runs = [], [], [], []
        self.recurring_runs, self._made = [], 0
        self.script, self.ends_as, self.error = [[]], "SUCCEEDED", None
        self.faults = []
        """(method, part of the path, kind): what goes wrong once, in this order. ``lost``: done, and no
        answer; ``dropped``: not done, and no answer; ``truncated``: half an answer; a number: that status;
        bytes: an answer of this content; text that begins with ``<``: a web page."""
        self._seen = 0

    def fail(self, method, path, *kinds):
        self.faults += [(method, path, kind) for kind in kinds]

    def count(self, method, path):
        return sum((m, p) == (method, path) for m, p, *_ in self.requests)

    # The operations; each gives the answer as one of the models.

    def get_pipeline_by_name(self, models, name, **query):
        return next((one for one in self.pipelines if one.display_name == name), None)

    def create_pipeline(self, models, body):
        if any(one.display_name == body["display_name"] for one in self.pipelines):
            return 409
        pipeline = models.V2beta1Pipeline(pipeline_id=f"pipeline/{len(self.pipelines)}", **body)
        self.pipelines.append(pipeline)
        return pipeline

    def list_pipeline_versions(self, models, pipeline_id, **query):
        mine = [one for one in self.versions if one.pipeline_id == pipeline_id]
        return self._page(models.V2beta1ListPipelineVersionsResponse, "pipeline_versions", mine, query)

    def upload_pipeline_version(self, models, file, name, pipelineid):
        version = models.V2beta1PipelineVersion(
            pipeline_id=pipelineid, pipeline_version_id=f"version-{len(self.versions)}", display_name=name
        )
        version.pipeline_spec = {"text": file.decode()}
        self.versions.append(version)
        return version

    def list_experiments(self, models, **query):
        return self._page(models.V2beta1ListExperimentsResponse, "experiments", self.experiments, query)

    def create_experiment(self, models, body):
        experiment = models.V2beta1Experiment(experiment_id=f"experiment-{len(self.experiments)}", **body)
        self.experiments.append(experiment)
        return experiment

    def list_runs(self, models, experiment_id=None, **query):
        mine = [one for one in self.runs if one.experiment_id == experiment_id]
        return self._page(models.V2beta1ListRunsResponse, "runs", mine, query)

    def create_run(self, models, body):
        count = len(self.runs)
        created = START + datetime.timedelta(hours=count)
        run = models.V2beta1Run(run_id=f"run-{count}", state="PENDING", created_at=created, **body)
        self.runs.append(run)
        return run

    def list_recurring_runs(self, models, experiment_id=None, **query):
        mine = [one for one in self.recurring_runs if one.experiment_id == experiment_id]
        return self._page(models.V2beta1ListRecurringRunsResponse, "recurring_runs", mine, query)

    def create_recurring_run(self, models, body):
        self._made += 1
        run = models.V2beta1RecurringRun(
            recurring_run_id=f"recurring-{self._made}", status="ENABLED", created_at=START, **body
        )
        self.recurring_runs.append(run)
        return run

    def delete_recurring_run(self, models, recurring_run_id):
        before = len(self.recurring_runs)
        self.recurring_runs = [one for one in self.recurring_runs if one.recurring_run_id != recurring_run_id]
        return {} if len(self.recurring_runs) < before else None

    def get_run(self, models, run_id):
        run = next((one for one in self.runs if one.run_id == run_id), None)
        if run is None:
            return None
        step = self.script[min(self._seen, len(self.script) - 1)]
        tasks = step() if callable(step) else step
        run.run_details = models.V2beta1RunDetails(task_details=[self._task(models, task) for task in tasks])
        self._seen += 1
        if run.state != "CANCELED":
            run.state = self.ends_as if self._seen >= len(self.script) else "RUNNING"
        if self.error and run.state == "FAILED":
            run.error = self._status(models, 9, self.error)
        return run

    def terminate_run(self, models, run_id, body):
        run = next((one for one in self.runs if one.run_id == run_id), None)
        if run is not None:
            run.state = "CANCELED"
        return {} if run is not None else None

    def _task(self, models, task):
        name, state, start, end, *message = task
        return models.V2beta1PipelineTaskDetail(
            run_id="run-0",
            task_id=f"task-{name}",
            display_name=name,
            state=state,
            start_time=START + datetime.timedelta(seconds=start),
            end_time=ZERO if end is None else START + datetime.timedelta(seconds=end),
            error=self._status(models, 2, message[0]) if message else None,
            child_tasks=[models.PipelineTaskDetailChildTask(pod_name="tiny-1")],
        )

    def _status(self, models, code, message):
        return next(
            getattr(models, name)(code=code, message=message)
            for name in ("GooglerpcStatus", "GoogleRpcStatus")
            if hasattr(models, name)
        )

    def _page(self, model, field, entries, query):
        """As the server does: filtered by name, a page at a time, with a token for the next."""
        if query.get("filter"):
            [predicate] = json.loads(query["filter"])["predicates"]
            assert predicate["key"] == "display_name"
            matches = {"EQUALS": operator.eq, "IS_SUBSTRING": operator.contains}[predicate["operation"]]
            entries = [one for one in entries if matches(one.display_name, predicate["stringValue"])]
        if query.get("sort_by"):
            assert query["sort_by"] == "created_at desc"
            entries = sorted(entries, key=lambda one: one.created_at, reverse=True)
        start = int(query.get("page_token") or 0)
        end = start + min(self.page_size, int(query["page_size"]))
        token = str(end) if end < len(entries) else None
        return model(
            **{field: entries[start:end] or None, "next_page_token": token, "total_size": len(entries)}
        )


PIPELINES, UPLOADS = "PipelineServiceApi", "PipelineUploadServiceApi"
RECURRING = "RecurringRunServiceApi"
_OPERATIONS = [
    ("GET", r"/pipelines/names/(?P<name>[^/]+)", PIPELINES, "get_pipeline_by_name", None),
    ("POST", r"/pipelines", PIPELINES, "create_pipeline", "V2beta1Pipeline"),
    ("GET", r"/pipelines/(?P<pipeline_id>[^/]+)/versions", PIPELINES, "list_pipeline_versions", None),
    ("POST", r"/pipelines/upload_version", UPLOADS, "upload_pipeline_version", "file"),
    ("GET", r"/experiments", "ExperimentServiceApi", "list_experiments", None),
    ("POST", r"/experiments", "ExperimentServiceApi", "create_experiment", "V2beta1Experiment"),
    ("GET", r"/runs", "RunServiceApi", "list_runs", None),
    ("POST", r"/runs", "RunServiceApi", "create_run", "V2beta1Run"),
    ("GET", r"/recurringruns", RECURRING, "list_recurring_runs", None),
    ("POST", r"/recurringruns", RECURRING, "create_recurring_run", "V2beta1RecurringRun"),
    ("DELETE", r"/recurringruns/(?P<recurring_run_id>[^/:]+)", RECURRING, "delete_recurring_run", None),
    ("GET", r"/runs/(?P<run_id>[^/:]+)", "RunServiceApi", "get_run", None),
    ("POST", r"/runs/(?P<run_id>[^/:]+):terminate", "RunServiceApi", "terminate_run", "empty"),
]  # fmt: skip


def _published_parameters(models, api, operation):
    """Query parameters, from the generated client; its newer releases put the service's name before."""
    client = getattr(models, api)
    service = re.sub(r"(?<!^)(?=[A-Z])", "_", api.removesuffix("Api")).lower()
    method = getattr(client, operation, None) or getattr(client, f"{service}_{operation}")
    return set(re.findall(r":param (?:[\w.]+ )?(\w+):", method.__doc__))


def _handler(server):
    import kfp_server_api as models

    client = models.ApiClient()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_):
            pass

        def do_GET(self):
            self._serve()

        def do_POST(self):
            self._serve()

        def do_DELETE(self):
            self._serve()

        def _serve(self):
            content = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            url = urlsplit(self.path)
            path = url.path.removeprefix("/pipeline/apis/v2beta1")
            query = dict(parse_qsl(url.query))
            server.requests.append((self.command, path, query, content, dict(self.headers)))
            fault = None
            if server.faults and server.faults[0][0] == self.command and server.faults[0][1] in path:
                fault = server.faults.pop(0)[2]
            if server.token and self.headers.get("Authorization") != f"Bearer {server.token}":
                return self._answer(401, {"code": 16, "message": "Request not authenticated"})
            if fault == "dropped":
                return self._hang_up()
            if isinstance(fault, int):
                return self._answer(
                    fault, {"code": 13, "message": f"a fault with {TOKEN} in it", "details": []}
                )
            if isinstance(fault, bytes):
                return self._send(200, fault, "application/json")
            if isinstance(fault, str) and fault.startswith("<"):
                return self._send(200, fault.encode(), "text/html")
            answer = self._operate(path, query, content)
            if fault == "lost":
                return self._hang_up()
            if answer is None:
                return self._answer(404, {"code": 5, "message": f"{path} not found", "details": []})
            if isinstance(answer, int):
                return self._answer(answer, {"code": 6, "message": "already exists", "details": []})
            return self._answer(200, client.sanitize_for_serialization(answer), cut=fault == "truncated")

        def _operate(self, path, query, content):
            for method, pattern, api, operation, body in _OPERATIONS:
                match = re.fullmatch(pattern, path)
                if match and method == self.command:
                    unknown = set(query) - _published_parameters(models, api, operation)
                    if unknown:
                        server.problems.append(f"{operation} has no {unknown}")
                    given = {name: unquote(value) for name, value in match.groupdict().items()}
                    return getattr(server, operation)(models, **given, **query, **self._body(body, content))
            server.problems.append(f"no operation {self.command} {path}")
            return 400

        def _body(self, kind, content):
            if kind is None:
                return {}
            if kind == "file":
                head = f"Content-Type: {self.headers['Content-Type']}\r\n\r\n".encode()
                [part] = BytesParser().parsebytes(head + content).get_payload()
                assert part.get_param("name", header="Content-Disposition") == "uploadfile"
                return {"file": part.get_payload(decode=True)}
            body = json.loads(content)
            if kind == "empty":
                return {"body": body}
            self._check(getattr(models, kind), body)
            return {"body": body}

        def _check(self, model, body):
            """Only declared fields, and of declared models where they are that."""
            fields = {json_name: model.openapi_types[name] for name, json_name in model.attribute_map.items()}
            for name, value in body.items():
                if name not in fields:
                    server.problems.append(f"{model.__name__} has no {name}")
                elif isinstance(value, dict) and hasattr(models, fields[name]):
                    self._check(getattr(models, fields[name]), value)
                elif fields[name] == "str" and not isinstance(value, str):
                    server.problems.append(f"{model.__name__}.{name} is {value!r}, no string")

        def _answer(self, status, content, cut=False):
            self._send(status, json.dumps(content).encode(), "application/json", cut)

        def _send(self, status, content, kind, cut=False):
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(content)))
            if status in (301, 302, 303, 307, 308):
                self.send_header("Location", f"http://{server.elsewhere}/dex/auth?client_id=kubeflow")
            self.end_headers()
            self.wfile.write(content[: len(content) // 2] if cut else content)
            if cut:
                self._hang_up()

        def _hang_up(self):
            self.close_connection = True
            with suppress(OSError):
                self.connection.shutdown(socket.SHUT_RDWR)

    return Handler


def _listening(handler):
    http = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    http.daemon_threads = True
    threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    return http


@pytest.fixture
def kubeflow():
    """The server; the test fails at its end if a request was none of the published API's."""
    server = KubeflowServer()
    http = _listening(_handler(server))
    server.url = f"http://127.0.0.1:{http.server_address[1]}/pipeline"
    yield server
    http.shutdown()
    http.server_close()
    assert server.problems == []


@pytest.fixture
def elsewhere(kubeflow):
    """Another host, with the headers that it was sent."""
    seen = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            seen.append(dict(self.headers))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_):
            pass

    http = _listening(Handler)
    kubeflow.elsewhere = f"127.0.0.1:{http.server_address[1]}"
    yield seen
    http.shutdown()
    http.server_close()
