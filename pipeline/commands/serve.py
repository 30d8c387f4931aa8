"""``lexmill serve``: which server takes the pushed model, and how it is started.

The stock TensorFlow Serving where it is installed, else the embedded one, which speaks the
same protocols; Docker's image of the stock one when asked for. The command becomes that
server, so that a signal to it is one to the server.
"""

from __future__ import annotations

import dataclasses
import enum
import os
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from pipeline.errors import MissingInputError

if TYPE_CHECKING:
    from pipeline.config import PipelineConfig

STOCK_BINARY = "tensorflow_model_server"
STOCK_IMAGE = "tensorflow/serving:2.19.1"
LOOPBACK = "127.0.0.1"


class Backend(str, enum.Enum):
    """Which server."""

    AUTO = "auto"
    STOCK = "stock"
    DOCKER = "docker"
    EMBEDDED = "embedded"


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
    from pipeline.commands.ask import require_pushed
    from pipeline.config import load

    config = load(config_name, overrides)
    require_pushed(config, config_name)
    if backend is Backend.DOCKER:
        return _docker(config, listening, flags)
    binary = shutil.which(STOCK_BINARY) if backend is not Backend.EMBEDDED else None
    if backend is Backend.STOCK and binary is None:
        raise MissingInputError(
            f"{STOCK_BINARY} is not on PATH: install TensorFlow Serving, or use --backend docker or embedded"
        )
    if binary and (backend is Backend.STOCK or listening.suits_the_stock_binary):
        return _stock(config, binary, listening, flags)
    return _embedded(config, listening, flags)


def become(command: ServerCommand) -> NoReturn:
    """Replaces this process by the server."""
    sys.stdout.flush()
    os.execvp(command.arguments[0], command.arguments)


def _stock(config: PipelineConfig, binary: str, listening: Listening, flags: Sequence[str]) -> ServerCommand:
    if listening.port == 0 or listening.rest_api_port == 0:
        raise MissingInputError(f"{STOCK_BINARY} takes no free port: name --port and --rest-api-port")
    return ServerCommand(
        (binary, *_flags(config, listening, _base_path(config)), *flags),
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
    inside = f"/models/{config.name}"
    arguments = (
        *(docker, "run", "--rm", "--init"),
        *("-p", f"{listening.host}:{listening.port}:8500"),
        *("-p", f"{listening.host}:{listening.rest_api_port}:8501"),
        *("-v", f"{_base_path(config)}:{inside}:ro"),
        *("-e", f"MODEL_NAME={config.name}", STOCK_IMAGE),
    )
    return ServerCommand((*arguments, *flags), f"serving {config.name} with {STOCK_IMAGE} in Docker")


def _embedded(config: PipelineConfig, listening: Listening, flags: Sequence[str]) -> ServerCommand:
    return ServerCommand(
        (
            *(sys.executable, "-m", "serving", "--host", listening.host, "--enable_batching"),
            *_flags(config, listening, _base_path(config)),
            *flags,
        ),
        f"serving {config.name} with the embedded server",
    )


def _flags(config: PipelineConfig, listening: Listening, base_path: str) -> tuple[str, ...]:
    return (
        f"--port={listening.port}",
        f"--rest_api_port={listening.rest_api_port}",
        f"--model_name={config.name}",
        f"--model_base_path={base_path}",
    )


def _base_path(config: PipelineConfig) -> str:
    path = config.model_base_path
    return path if "://" in path else str(Path(path).resolve())
