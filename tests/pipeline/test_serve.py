import os
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.commands.serve import Backend, Listening, server_command
from pipeline.errors import MissingInputError

RECORDER = """#!/bin/sh
for argument in "$0" "$@"; do echo "$argument"; done > "$RECORD"
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A working folder with a configuration ``mine.toml`` whose version 1 is pushed; nothing on PATH."""
    (tmp_path / "mine.toml").write_text(
        'name = "mine"\n[corpus]\npath = "data"\nsources = [{ name = "a", pattern = "*.txt" }]\n'
    )
    (tmp_path / "serving_models" / "mine" / "1").mkdir(parents=True)
    (tmp_path / "bin").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    return tmp_path


def install(folder, name):
    path = folder / "bin" / name
    path.write_text(RECORDER)
    path.chmod(0o755)
    return str(path)


def command(backend=Backend.AUTO, flags=(), **listening):
    return server_command("mine.toml", [], Listening(**listening), backend, flags)


def test_the_embedded_server_serves_where_no_other_is_installed(folder):
    found = command()
    assert found.says == "serving mine with the embedded server"
    assert found.arguments[:3] == (sys.executable, "-m", "serving")
    assert f"--model_base_path={folder}/serving_models/mine" in found.arguments


def test_the_stock_server_serves_where_it_is_on_the_path(folder):
    binary = install(folder, "tensorflow_model_server")
    found = command(flags=["--enable_batching"])
    assert found.arguments == (
        binary,
        "--port=8500",
        "--rest_api_port=8501",
        "--model_name=mine",
        f"--model_base_path={folder}/serving_models/mine",
        "--enable_batching",
    )
    assert found.says.startswith(f"serving mine with {binary}, which listens on every address")


@pytest.mark.parametrize(
    ("backend", "listening"),
    [(Backend.EMBEDDED, {}), (Backend.AUTO, {"port": 0}), (Backend.AUTO, {"host": "10.0.0.1"})],
)
def test_the_embedded_server_serves_on_request_and_where_the_stock_one_cannot_listen_so(
    folder, backend, listening
):
    install(folder, "tensorflow_model_server")
    assert command(backend, **listening).arguments[1:3] == ("-m", "serving")


def test_docker_serves_on_request(folder):
    docker = install(folder, "docker")
    found = command(Backend.DOCKER, ["--enable_batching"], port=9500)
    assert found.arguments[:4] == (docker, "run", "--rm", "--init")
    assert "127.0.0.1:9500:8500" in found.arguments
    assert f"{folder}/serving_models/mine:/models/mine:ro" in found.arguments
    assert found.arguments[-3:] == ("MODEL_NAME=mine", "tensorflow/serving:2.19.1", "--enable_batching")
    assert command().arguments[1:3] == ("-m", "serving")


@pytest.mark.parametrize(
    ("backend", "message"),
    [
        (Backend.STOCK, "tensorflow_model_server is not on PATH: install TensorFlow Serving, or use"),
        (Backend.DOCKER, "docker is not on PATH: install it, or use --backend embedded"),
    ],
)
def test_a_server_that_is_not_there_is_named(folder, backend, message):
    with pytest.raises(MissingInputError, match=message):
        command(backend)


def test_the_command_becomes_the_stock_server_and_says_so(folder):
    binary = install(folder, "tensorflow_model_server")
    environment = {**os.environ, "RECORD": str(folder / "record"), "PATH": f"{folder}/bin:/usr/bin:/bin"}
    arguments = ["serve", "mine.toml", "--max_num_load_retries=3", "--port", "9500"]
    done = subprocess.run(
        [sys.executable, "-m", "pipeline", *arguments],
        env={**environment, "PYTHONPATH": str(Path(__file__).resolve().parents[2])},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr.startswith(f"serving mine with {binary}")
    assert (folder / "record").read_text().split() == [
        binary,
        "--port=9500",
        "--rest_api_port=8501",
        "--model_name=mine",
        f"--model_base_path={folder}/serving_models/mine",
        "--max_num_load_retries=3",
    ]
