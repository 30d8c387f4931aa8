"""The embedded server as a child process: started, waited for, always reaped.

A process of its own keeps a model's memory, its threads and a crash in TensorFlow out
of the caller's, and loads the model as a fresh server would: with no op library but
those the server imports.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO

from serving.errors import StartError

_READY = re.compile(r"^ready: gRPC (?P<grpc>\S+), REST (?P<rest>\S+), ", re.MULTILINE)
_POLL_INTERVAL_S = 0.1
_SHOWN_CHARACTERS = 2000


@dataclasses.dataclass
class EmbeddedProcess:
    """A server that runs in a child process."""

    grpc_address: str
    rest_url: str
    exit_status: int | None = None
    """Set when the server has been stopped; 0 after a graceful stop."""


@contextlib.contextmanager
def embedded_process(
    model_name: str, model_base_path: str, start_timeout_s: float, stop_timeout_s: float = 20.0
) -> Iterator[EmbeddedProcess]:
    """Serves the folder from a child process, on free ports, until the block ends."""
    flags = ["--model_name", model_name, "--model_base_path", model_base_path]
    with process_with_flags(flags, start_timeout_s, stop_timeout_s) as server:
        yield server


@contextlib.contextmanager
def process_with_flags(
    flags: Sequence[str], start_timeout_s: float, stop_timeout_s: float = 20.0
) -> Iterator[EmbeddedProcess]:
    """The same with the flags that say what is served."""
    command = [sys.executable, "-m", "serving", "--port", "0", "--rest_api_port", "0", *flags]
    with tempfile.TemporaryFile("w+") as output:
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, env=_environment())
        try:
            server = _started(process, output, start_timeout_s)
            yield server
            server.exit_status = _stopped(process, stop_timeout_s)
        finally:
            if process.poll() is None:
                process.kill()
            process.wait()


def _started(process: subprocess.Popen[bytes], output: IO[str], timeout_s: float) -> EmbeddedProcess:
    deadline_s = time.monotonic() + timeout_s
    while True:
        ended = process.poll() is not None
        output.seek(0)
        said = output.read()
        if match := _READY.search(said):
            return EmbeddedProcess(match["grpc"], match["rest"])
        if ended:
            reason = said.strip()[-_SHOWN_CHARACTERS:] or "it said nothing"
            raise StartError(f"the embedded server ended with status {process.returncode}: {reason}")
        if time.monotonic() > deadline_s:
            raise StartError(f"the embedded server was not ready within {timeout_s:g} s: allow it more time")
        time.sleep(_POLL_INTERVAL_S)


def _stopped(process: subprocess.Popen[bytes], timeout_s: float) -> int | None:
    process.terminate()
    try:
        return process.wait(timeout_s)
    except subprocess.TimeoutExpired:
        return None


def _environment() -> dict[str, str]:
    """The caller's environment, with this very package first on the path."""
    root = str(Path(__file__).resolve().parent.parent)
    path = os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH", "")]))
    return {**os.environ, "PYTHONPATH": path}
