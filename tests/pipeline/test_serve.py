import importlib.metadata
import os
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.commands.backend import Backend
from pipeline.commands.serve import Listening, server_command
from pipeline.errors import MissingInputError
from serving.settings.flags import parse_flags
from serving.settings.text_protos import read_batching_parameters, read_monitoring_config
from serving.tensorflow_serving.images import stock_image

RECORDER = """#!/bin/sh
if [ "$1" = --version ]; then echo "TensorFlow Library: {version}"; exit; fi
for argument in "$0" "$@"; do echo "$argument"; done > "$RECORD"
"""
BATCHING = ("--set", "serving.batching.enabled=true")


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


def install(folder, name, version="2.99.0"):
    path = folder / "bin" / name
    path.write_text(RECORDER.format(version=version))
    path.chmod(0o755)
    return str(path)


def command(backend=Backend.AUTO, flags=(), overrides=(), **listening):
    return server_command("mine.toml", overrides, Listening(**listening), backend, flags)


def monitoring(folder):
    return f"--monitoring_config_file={folder}/build/mine/serving/monitoring.config"


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
        monitoring(folder),
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
    assert f"{folder}/build/mine/serving:/etc/tensorflow-serving:ro" in found.arguments
    image = stock_image(importlib.metadata.version("tensorflow"))
    assert found.arguments[-8:] == (
        "/usr/bin/tensorflow_model_server",
        image,
        "--port=8500",
        "--rest_api_port=8501",
        "--model_name=mine",
        "--model_base_path=/models/mine",
        "--monitoring_config_file=/etc/tensorflow-serving/monitoring.config",
        "--enable_batching",
    )
    assert found.says == f"serving mine with {image} in Docker"
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
    arguments = ["serve", "mine.toml", *BATCHING, "--max_num_load_retries=3", "--port", "9500"]
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
        monitoring(folder),
        "--enable_batching=true",
        f"--batching_parameters_file={folder}/build/mine/serving/batching.config",
        "--max_num_load_retries=3",
    ]


def test_a_binary_older_than_the_models_exporter_is_passed_over_and_named(folder):
    binary = install(folder, "tensorflow_model_server", version="2.11.1")
    exporter = importlib.metadata.version("tensorflow")
    found = command()
    assert found.arguments[1:3] == ("-m", "serving")
    assert found.says == (
        f"serving mine with the embedded server, as {binary} has TensorFlow 2.11.1, "
        f"and the model was exported by {exporter}"
    )
    with pytest.raises(MissingInputError, match=r"has TensorFlow 2\.11\.1, .*: install a newer one"):
        command(Backend.STOCK)


def test_a_binary_that_does_not_tell_its_version_is_used(folder):
    install(folder, "tensorflow_model_server", version="unknown")
    assert command().says.startswith(f"serving mine with {folder}/bin/tensorflow_model_server")


def test_an_image_older_than_the_models_exporter_is_refused(folder):
    install(folder, "docker")
    with pytest.raises(MissingInputError, match=r"serving\.image = tensorflow/serving:2\.9\.2 is older"):
        command(Backend.DOCKER, overrides=["serving.image=tensorflow/serving:2.9.2"])
    own = command(Backend.DOCKER, overrides=["serving.image=registry.example/serving:mine"])
    assert "registry.example/serving:mine" in own.arguments


def test_the_embedded_server_reads_the_same_files(folder):
    overrides = ["serving.batching.enabled=true", "serving.batching.max_batch_size=16"]
    overrides += ["serving.prometheus_path=/metrics"]
    config = parse_flags(list(command(Backend.EMBEDDED, overrides=overrides).arguments[3:]))
    assert config.enable_batching
    assert read_batching_parameters(config.batching_parameters_file).max_batch_size.value == 16
    monitoring = read_monitoring_config(config.monitoring_config_file)
    assert monitoring.prometheus_config.enable
    assert monitoring.prometheus_config.path == "/metrics"
