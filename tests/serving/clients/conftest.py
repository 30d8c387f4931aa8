"""Servers that answer by a script, and the four clients behind one face."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import http.server
import json
import socket
import threading
from collections.abc import Callable, Iterator
from concurrent import futures

import grpc
import pytest

from serving.client import AsyncClient, AsyncRestClient, Client, RestClient
from serving.clients import tensorflow_messages as messages
from serving.clients.grpc_form import vector
from serving.errors import Code

KINDS = {"gRPC": Client, "async gRPC": AsyncClient, "REST": RestClient, "async REST": AsyncRestClient}
SCORE = {"log_probability": ("float32", [-1.5]), "num_tokens": ("int32", [3]), "num_bytes": ("int32", [5])}


class Blocking:
    """A client with methods that block: those of an asynchronous one run on an event loop of its own."""

    def __init__(self, client) -> None:
        self.client = client
        self.loop = asyncio.new_event_loop() if isinstance(client, (AsyncClient, AsyncRestClient)) else None

    def __getattr__(self, name):
        method = getattr(self.client, name)
        if self.loop is None:
            return method
        if name == "stream":
            return lambda *given, **named: self._chunks(method(*given, **named))
        return lambda *given, **named: self.loop.run_until_complete(method(*given, **named))

    def on_wait(self, do: Callable[[float], None]) -> None:
        """Calls ``do`` with the seconds instead of waiting."""

        async def awaited(seconds: float) -> None:
            do(seconds)

        self.client._sleep = awaited if self.loop else do

    def close(self) -> None:
        if self.loop is None:
            self.client.close()
            return
        self.loop.run_until_complete(self.client.close())
        self.loop.run_until_complete(self.loop.shutdown_asyncgens())
        self.loop.close()

    def _chunks(self, chunks):
        try:
            while True:
                yield self.loop.run_until_complete(chunks.__anext__())
        except StopAsyncIteration:
            return
        finally:
            self.loop.run_until_complete(chunks.aclose())


@pytest.fixture(params=KINDS)
def kind(request) -> str:
    """One of the four clients."""
    return request.param


@pytest.fixture
def connected(kind) -> Iterator[Callable[..., Blocking]]:
    """Makes clients of that kind for the addresses (gRPC, REST) of a server."""
    with contextlib.ExitStack() as made:

        def connect(grpc_at: str, rest_at: str, model: str = "m", **options) -> Blocking:
            address = grpc_at if "gRPC" in kind else rest_at
            client = Blocking(KINDS[kind](address, model, **options))
            made.callback(client.close)
            return client

        yield connect


@dataclasses.dataclass
class Script:
    """What a server answers, one after the other; when it is at its end, that all is well."""

    failures: list[Code]
    retry_after: str | None = None
    num_requests: int = 0

    def next(self) -> Code | None:
        self.num_requests += 1
        return self.failures.pop(0) if self.failures else None


class ScriptedServer:
    """TensorFlow Serving's status and score over gRPC and REST, by a script."""

    def __init__(self, script: Script, grpc_port: int = 0, rest_port: int = 0) -> None:
        self.script = script
        self._grpc = grpc.server(futures.ThreadPoolExecutor(4), handlers=[_GrpcHandler(script)])
        self.grpc_address = f"127.0.0.1:{self._grpc.add_insecure_port(f'127.0.0.1:{grpc_port}')}"
        self._grpc.start()
        handler = type("Handler", (_RestHandler,), {"script": script})
        self._rest = http.server.ThreadingHTTPServer(("127.0.0.1", rest_port), handler)
        self.rest_url = f"http://127.0.0.1:{self._rest.server_port}"
        threading.Thread(target=self._rest.serve_forever, kwargs={"poll_interval": 0.01}).start()

    def stop(self) -> None:
        self._grpc.stop(None).wait()
        self._rest.shutdown()
        self._rest.server_close()


class _GrpcHandler(grpc.GenericRpcHandler):
    def __init__(self, script: Script) -> None:
        self._script = script

    def service(self, details):
        return grpc.unary_unary_rpc_method_handler(
            lambda data, context: self._answer(details.method, context)
        )

    def _answer(self, method: str, context) -> bytes:
        if failure := self._script.next():
            context.abort(grpc.StatusCode[failure.name], "as scripted")
        if method.endswith("GetModelStatus"):
            answer = messages.GetModelStatusResponse()
            answer.model_version_status.add(version=4, state=30)
            return answer.SerializeToString()
        answer = messages.PredictResponse()
        for name, (dtype, values) in SCORE.items():
            answer.outputs[name].CopyFrom(vector(values, dtype))
        return answer.SerializeToString()


class _RestHandler(http.server.BaseHTTPRequestHandler):
    script: Script

    def do_GET(self) -> None:
        status = {"version": "4", "state": "AVAILABLE", "status": {"error_code": "OK", "error_message": ""}}
        self._send({"model_version_status": [status]})

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self._send({"outputs": {name: values for name, (_, values) in SCORE.items()}})

    def log_message(self, *args) -> None:
        pass

    def _send(self, body) -> None:
        failure = self.script.next()
        data = json.dumps({"error": "as scripted"} if failure else body).encode()
        self.send_response(failure.http_status if failure else 200)
        if failure and self.script.retry_after:
            self.send_header("Retry-After", self.script.retry_after)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


@pytest.fixture
def scripted() -> Iterator[Callable[..., ScriptedServer]]:
    """Starts servers that fail with the given codes first."""
    with contextlib.ExitStack() as started:

        def start(*failures: Code, retry_after: str | None = None, **ports: int) -> ScriptedServer:
            server = ScriptedServer(Script(list(failures), retry_after), **ports)
            started.callback(server.stop)
            return server

        yield start


@pytest.fixture
def free_ports() -> dict[str, int]:
    """Two ports on which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as one, socket.create_server(("127.0.0.1", 0)) as other:
        return {"grpc_port": one.getsockname()[1], "rest_port": other.getsockname()[1]}
