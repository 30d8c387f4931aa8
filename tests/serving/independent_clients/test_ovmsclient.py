"""ovmsclient, Intel's client of TensorFlow Serving's API, against the server."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).with_name("ovms_client.py")


@pytest.fixture(scope="module")
def found(ovms_packages, numeric_server, language_server):
    rest_address = numeric_server.rest_url.removeprefix("http://")
    done = subprocess.run(
        # Without the project's own packages, whose protobuf is another.
        [
            sys.executable,
            "-S",
            SCRIPT,
            numeric_server.grpc_address,
            rest_address,
            language_server.grpc_address,
        ],
        env={**os.environ, "PYTHONPATH": str(ovms_packages)},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize("protocol", ["grpc", "rest"])
def test_it_predicts(found, protocol):
    assert found[protocol]["predict"] == [3.0, -4.0]


def test_over_grpc_the_dtype_is_the_signatures(found):
    assert found["grpc"]["dtype"] == "float32"


def test_it_reads_the_metadata(found):
    assert found["grpc"]["metadata"] == {
        "model_version": 3,
        "inputs": {"x": {"shape": [-1], "dtype": "DT_FLOAT"}},
        "outputs": {"y": {"shape": [-1], "dtype": "DT_FLOAT"}},
    }
    signatures = found["rest"]["metadata"]["metadata"]["signature_def"]["signature_def"]
    assert set(signatures) >= {"serving_default", "add", "echo", "matrix"}


@pytest.mark.parametrize("protocol", ["grpc", "rest"])
def test_it_reads_the_status(found, protocol):
    assert found[protocol]["status"] == {"3": {"state": "AVAILABLE", "error_code": 0, "error_message": ""}}


@pytest.mark.parametrize("protocol", ["grpc", "rest"])
def test_it_tells_the_errors_apart(found, protocol):
    names = [name for name, _ in found[protocol]["errors"]]
    assert names == ["ModelNotFoundError"] * 2 + ["InvalidInputError"] + ["ModelNotFoundError"] * 2


def test_it_sends_and_gets_strings(found):
    assert [len(text) for text in found["texts"]] == [5, 5]
    assert found["num_tokens"] == [5, 5]
