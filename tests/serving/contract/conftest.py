"""A server for the contract tests: the one named by ``--server``, or the embedded one as users start it."""

from __future__ import annotations

import http.client
import importlib.util
import json
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import grpc
import pytest
from tensorflow_serving.apis import model_service_pb2_grpc, prediction_service_pb2_grpc

from serving.embedded_process import process_with_flags

_OPTIONS = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]


def _models():
    path = Path(__file__).parent / "models.py"
    spec = importlib.util.spec_from_file_location("contract_models", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def addresses(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[str, str]]:
    """``host:port`` of gRPC and of REST."""
    given = request.config.getoption("--server")
    if given:
        yield tuple(given.split(","))
        return
    config = _models().save_all(tmp_path_factory.mktemp("contract"))
    flags = [f"--model_config_file={config}", "--allow_version_labels_for_unavailable_models"]
    with process_with_flags(flags, start_timeout_s=120) as server:
        yield server.grpc_address, server.rest_url.removeprefix("http://")


@pytest.fixture(scope="session")
def api(addresses: tuple[str, str]) -> Iterator[SimpleNamespace]:
    """The two services' stubs."""
    with grpc.insecure_channel(addresses[0], options=_OPTIONS) as channel:
        yield SimpleNamespace(
            predictions=prediction_service_pb2_grpc.PredictionServiceStub(channel),
            models=model_service_pb2_grpc.ModelServiceStub(channel),
        )


@pytest.fixture(scope="session")
def ask(addresses: tuple[str, str]):
    """One REST request to (status, JSON)."""

    def ask(method, path, body=None, headers=None):
        connection = http.client.HTTPConnection(addresses[1], timeout=60)
        try:
            if not isinstance(body, str | bytes | None):
                body = json.dumps(body)
            connection.request(method, path, body, headers or {})
            response = connection.getresponse()
            return response.status, json.loads(response.read())
        finally:
            connection.close()

    return ask


@pytest.fixture(scope="session")
def refusal():
    """The status code's name and the details with which a call fails."""

    def refusal(method, request):
        with pytest.raises(grpc.RpcError) as caught:
            method(request, timeout=60)
        return caught.value.code().name, caught.value.details()

    return refusal
