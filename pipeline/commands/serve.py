"""``lexmill serve``: which server takes the pushed model, and how it is started.

The stock TensorFlow Serving where it is installed and new enough for the model, else the
embedded one, which speaks the same protocols; Docker's image of the stock one when asked for.
Each is given the files for batching and monitoring that ``[serving]`` asks for. The command
becomes that server, so that a signal to it is one to the server.
"""

from __future__ import annotations

import dataclasses
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from pipeline.commands.ask import require_pushed
from pipeline.commands.backend import Backend
from pipeline.config import PipelineConfig, load
from pipeline.errors import MissingInputError
from serving.errors import StartError
from serving.tensorflow_serving import images, text_protos
from serving.tensorflow_serving.server import (
    BATCHING_CONFIG,
    BINARY,
    CONFIG_DIR,
    MODELS_DIR,
    MONITORING_CONFIG,
    tuning_flags,
)

STOCK_BINARY = "tensorflow_model_server"
LOOPBACK = "127.0.0.1"

_VERSION_TIMEOUT_S = 20


@dataclasses.dataclass(frozen=True)
class Listening:
    """Where the server is asked to listen."""

    host: str = LOOPBACK
    port: int = 8500
    rest_api_port: int = 8501

    @property
    def suits_the_stock_binary(self) -> bool:
        """It always listens on every address, and knows no free ports."""
        return self.host == LOOPBACK and self.port > 0 and self.rest_api_port > 0


@dataclasses.dataclass(frozen=True)
class ServerCommand:
    """A server's command line, and what to tell the user about it."""

    arguments: tuple[str, ...]
    says: str


def server_command(
    config_name: str,
    overrides: Sequence[str],
    listening: Listening,
    backend: Backend,
    flags: Sequence[str] = (),
) -> ServerCommand:
    """How to serve the pushed model; ``flags`` are tensorflow_model_server's, passed on as they are."""
    config = load(config_name, overrides)
    require_pushed(config, config_name)
    if backend is Backend.DOCKER:
        return _docker(config, listening, flags)
    binary = shutil.which(STOCK_BINARY) if backend is not Backend.EMBEDDED else None
    if backend is Backend.STOCK and binary is None:
        raise MissingInputError(
            f"{STOCK_BINARY} is not on PATH: install TensorFlow Serving, or use --backend docker or embedded"
        )
    why_not = _too_old(config, binary) if binary else ""
    if backend is Backend.STOCK and why_not:
        raise MissingInputError(f"{why_not}: install a newer one, or use --backend docker or embedded")
    if binary and not why_not and (backend is Backend.STOCK or listening.suits_the_stock_binary):
        return _stock(config, binary, listening, flags)
    return _embedded(config, listening, flags, why_not)


def become(command: ServerCommand) -> NoReturn:
    """Replaces this process by the server."""
    sys.stdout.flush()
    os.execvp(command.arguments[0], command.arguments)


def _too_old(config: PipelineConfig, binary: str) -> str:
    """Why the binary cannot be relied on to have the model's ops; empty if it can, or does not tell its
    version."""
    try:
        done = subprocess.run(
            [binary, "--version"], capture_output=True, text=True, timeout=_VERSION_TIMEOUT_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    match = re.search(r"TensorFlow Library: (\d+\.\d+\S*)", done.stdout + done.stderr)
    exporter = images.exporter_version(config.absolute_model_base_path)
    if match is None or images.minor_version(match[1]) >= images.minor_version(exporter):
        return ""
    return f"{binary} has TensorFlow {match[1]}, and the model was exported by {exporter}"


def _stock(config: PipelineConfig, binary: str, listening: Listening, flags: Sequence[str]) -> ServerCommand:
    if listening.port == 0 or listening.rest_api_port == 0:
        raise MissingInputError(f"{STOCK_BINARY} takes no free port: name --port and --rest-api-port")
    return ServerCommand(
        (binary, *_flags(config, listening, config.absolute_model_base_path), *_tuning(config), *flags),
        f"serving {config.name} with {binary}, which listens on every address of this machine",
    )


def _docker(config: PipelineConfig, listening: Listening, flags: Sequence[str]) -> ServerCommand:
    docker = shutil.which("docker")
    if docker is None:
        raise MissingInputError("docker is not on PATH: install it, or use --backend embedded")
    if "://" in config.model_base_path:
        raise MissingInputError(
            f"{config.model_base_path} is no local folder that a container could mount: "
            "use --backend stock or embedded"
        )
    base_path = config.absolute_model_base_path
    try:
        image = images.suitable_image(config.serving.image, images.exporter_version(base_path))
    except StartError as error:
        raise MissingInputError(str(error)) from error
    inside = f"{MODELS_DIR}/{config.name}"
    files = _files(config)
    arguments = (
        *(docker, "run", "--rm", "--init"),
        *("-p", f"{listening.host}:{listening.port}:8500"),
        *("-p", f"{listening.host}:{listening.rest_api_port}:8501"),
        *("-v", f"{base_path}:{inside}:ro"),
        *(("-v", f"{files}:{CONFIG_DIR}:ro") if files else ()),
        # Not the image's shell script: a signal would end it and not the server.
        *("--entrypoint", BINARY, image),
        *_flags(config, Listening(), inside),
        *(tuning_flags(config.serving, CONFIG_DIR) if files else ()),
    )
    return ServerCommand((*arguments, *flags), f"serving {config.name} with {image} in Docker")


def _embedded(
    config: PipelineConfig, listening: Listening, flags: Sequence[str], why: str = ""
) -> ServerCommand:
    return ServerCommand(
        (
            *(sys.executable, "-m", "serving", "--host", listening.host, "--enable_batching"),
            *_flags(config, listening, config.absolute_model_base_path),
            *_tuning(config),
            *flags,
        ),
        f"serving {config.name} with the embedded server{f', as {why}' if why else ''}",
    )


def _flags(config: PipelineConfig, listening: Listening, base_path: str) -> tuple[str, ...]:
    return (
        f"--port={listening.port}",
        f"--rest_api_port={listening.rest_api_port}",
        f"--model_name={config.name}",
        f"--model_base_path={base_path}",
    )


def _tuning(config: PipelineConfig) -> list[str]:
    files = _files(config)
    return tuning_flags(config.serving, str(files)) if files else []


def _files(config: PipelineConfig) -> Path | None:
    """The folder with the files for batching and monitoring, written anew; None where results go elsewhere
    than to this machine."""
    if "://" in config.root:
        return None
    folder = Path(config.root, "serving").resolve()
    folder.mkdir(parents=True, exist_ok=True)
    (folder / BATCHING_CONFIG).write_text(text_protos.batching_config(config.serving), encoding="utf-8")
    (folder / MONITORING_CONFIG).write_text(text_protos.monitoring_config(config.serving), encoding="utf-8")
    return folder
