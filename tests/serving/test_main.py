import subprocess
import sys
from pathlib import Path

import pytest

from serving.client import Client, RestClient
from serving.embedded_process import embedded_process
from serving.errors import StartError

ROOT = Path(__file__).resolve().parents[2]


def test_the_command_serves_both_protocols_and_stops_on_sigterm(language_model_dir):
    with embedded_process("toy", str(language_model_dir), start_timeout_s=60) as server:
        rest = RestClient(server.rest_url, "toy")
        with Client(server.grpc_address, "toy") as client:
            assert client.generate(["To be"], seed=1) == rest.generate(["To be"], seed=1)
    assert server.exit_status == 0


def test_the_command_fails_with_one_line(tmp_path):
    command = [sys.executable, "-m", "serving", "--model_name", "m", "--model_base_path", str(tmp_path)]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 1
    assert ended.stdout == ""
    assert ended.stderr.startswith("error: cannot serve model m: no version under ")
    assert ended.stderr.count("\n") == 1


def test_a_server_that_is_too_slow_is_ended(language_model_dir):
    with (
        pytest.raises(StartError, match=r"was not ready within 0.1 s"),
        embedded_process("toy", str(language_model_dir), start_timeout_s=0.1),
    ):
        pass
