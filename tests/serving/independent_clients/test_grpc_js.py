"""@grpc/grpc-js, gRPC for JavaScript, which shares no code with the server's gRPC."""

import json
import subprocess

import pytest
from google.protobuf import descriptor_pb2
from tensorflow_serving.apis import model_service_pb2, prediction_service_pb2

from serving.client import Client


def descriptor_set():
    """TensorFlow Serving's services and all that they refer to, each file after those it imports."""
    found = {}

    def add(file):
        if file.name not in found:
            for imported in file.dependencies:
                add(imported)
            found[file.name] = descriptor_pb2.FileDescriptorProto()
            file.CopyToProto(found[file.name])

    add(prediction_service_pb2.DESCRIPTOR)
    add(model_service_pb2.DESCRIPTOR)
    return descriptor_pb2.FileDescriptorSet(file=found.values())


@pytest.fixture(scope="module")
def found(grpc_js, numeric_server, language_server, tmp_path_factory):
    descriptors = tmp_path_factory.mktemp("protos") / "descriptors.pb"
    descriptors.write_bytes(descriptor_set().SerializeToString())
    done = subprocess.run(
        ["node", "client.mjs", descriptors, numeric_server.grpc_address, language_server.grpc_address],
        cwd=grpc_js,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_it_predicts(found):
    assert found["scaled"] == [3.0, -4.0]
    assert found["version"] == 3


def test_it_sends_and_gets_strings(found, language_server):
    with Client(language_server.grpc_address, model="toy") as client:
        expected = client.generate(["the dog", "Füchse"], max_new_tokens=5)
    assert found["texts"] == [one.text for one in expected]
    assert found["num_tokens"] == [5, 5]


def test_it_reads_status_and_metadata(found):
    [version] = found["status"]["model_version_status"]
    assert (version["version"], version["state"]) == (3, "AVAILABLE")
    assert found["metadata_type"] == "type.googleapis.com/tensorflow.serving.SignatureDefMap"


def test_it_gets_each_errors_code_and_words(found):
    assert [error["code"] for error in found["errors"]] == [
        "NOT_FOUND",
        "INVALID_ARGUMENT",
        "NOT_FOUND",
        "INVALID_ARGUMENT",
    ]
    assert found["errors"][0]["details"] == "Servable not found for request: Latest(absent)"
    assert "the model's context is 256" in found["errors"][3]["details"]
