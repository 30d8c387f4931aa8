"""The README's curl commands and its OpenAI example, as printed but for the address."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from serving.language_extension import LanguageExtension
from serving.server import Server, ServerConfig

README = (Path(__file__).resolve().parents[3] / "README.md").read_text(encoding="utf-8")
REST_ADDRESS = "http://127.0.0.1:8501"
BLOCKS = re.findall(r"^```(sh|python)\n(.*?)^```", README, re.MULTILINE | re.DOTALL)


def commands():
    """Without their continuation lines."""
    lines = [
        line for kind, block in BLOCKS if kind == "sh" for line in re.sub(r" *\\\n *", " ", block).split("\n")
    ]
    return [line for line in lines if line.startswith("curl ") and REST_ADDRESS in line]


@pytest.fixture(scope="module")
def server(stepwise_dir):
    config = ServerConfig(
        model_name="shakespeare", model_base_path=str(stepwise_dir), port=0, rest_api_port=0
    )
    with Server(config, [LanguageExtension]) as server:
        yield server


def test_there_are_commands_to_check():
    assert len(commands()) >= 5
    assert any(":generateStream" in command for command in commands())


@pytest.mark.skipif(not shutil.which("curl"), reason="no curl here: apt-get install curl")
@pytest.mark.parametrize("command", commands())
def test_every_curl_command_answers(server, command):
    line = command.replace(REST_ADDRESS, server.rest_url)
    done = subprocess.run(
        ["sh", "-c", line.replace("curl ", "curl --silent --show-error --write-out '\n%{http_code}' ", 1)],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    body, _, status = done.stdout.rpartition("\n")
    assert status == "200", body
    if "-N" in command.split():
        events = [json.loads(event.removeprefix("data: ")) for event in body.strip().split("\n\n")]
        assert events[-1]["finish_reason"] in ("stop", "length", "context")
    else:
        assert set(json.loads(body)) & {
            "predictions",
            "outputs",
            "model_version_status",
            "metadata",
            "models",
            "choices",
            "object",
        }


def test_the_openai_example_prints_a_continuation(server, capsys):
    [example] = [block for kind, block in BLOCKS if kind == "python" and "from openai import" in block]
    exec(compile(example.replace(REST_ADDRESS, server.rest_url), "README.md", "exec"), {})
    assert capsys.readouterr().out.strip()
