"""What is on this machine: C library, packages, TensorFlow, memory, Docker, ports. `doctor` judges it.

TensorFlow is imported in another process, so that a crash or a hang of it is an answer like the others.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import json
import os
import platform
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

from packaging.utils import canonicalize_name

from pipeline.code_version import installed_packages
from pipeline.errors import MissingInputError
from pipeline.kubeflow import image

_PROBE_TIMEOUT_S = 180
_PROBE = """
import json, time
start = time.monotonic()
import tensorflow as tf
found = {"version": tf.__version__, "seconds": time.monotonic() - start}
found["gpus"] = [gpu.name for gpu in tf.config.list_physical_devices("GPU")]
try:
    import tensorflow_text
    tensorflow_text.WhitespaceTokenizer().tokenize(["a b"])
except Exception as error:
    found["text_error"] = f"{type(error).__name__}: {error}".splitlines()[0]
print("\\n" + json.dumps(found))
"""


def glibc() -> str:
    """Its version; empty where the C library is another one."""
    name, version = platform.libc_ver()
    return version if name == "glibc" else ""


def declared_requirements() -> list[str]:
    """From the installed project's metadata, which are pyproject.toml's dependencies, extras left out."""
    try:
        declared = importlib.metadata.requires("lexmill") or []
    except importlib.metadata.PackageNotFoundError:
        return ["lexmill"]
    return [text for text in declared if "extra ==" not in text]


def installed_versions() -> dict[str, str]:
    """By canonical name."""
    return {canonicalize_name(name): version for name, version in installed_packages().items()}


def protobuf_implementation() -> str | None:
    """``upb``, ``cpp`` or ``python``; None where protobuf does not import."""
    try:
        from google.protobuf.internal import api_implementation
    except ImportError:
        return None
    return api_implementation.Type()


def probe_tensorflow() -> dict[str, Any]:
    """Its version, the seconds that its import took and its GPUs, and ``text_error`` where tensorflow-text's
    ops do not load; or ``error``, why it does not import."""
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
    try:
        probe = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", _PROBE],
            capture_output=True, text=True, env=environment, timeout=_PROBE_TIMEOUT_S, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return {"error": f"the import had not ended after {_PROBE_TIMEOUT_S} s"}
    return probe_result(probe.returncode, probe.stdout, probe.stderr)


def probe_result(status: int, output: str, errors: str) -> dict[str, Any]:
    """What the process that imports TensorFlow found: its last line, or ``{"error": reason}``."""
    if status == 0:
        found: dict[str, Any] = json.loads(output.splitlines()[-1])
        return found
    if status < 0:
        hint = " (SIGILL: TensorFlow's wheels need a processor with AVX)" if status == -4 else ""
        return {"error": f"killed by signal {-status}{hint}"}
    return {"error": (errors.strip().splitlines() or ["it said nothing"])[-1]}


def is_compiled(module: str) -> bool:
    """Whether there is bytecode of it; True of one that is not installed."""
    spec = importlib.util.find_spec(module)
    if spec is None or not spec.origin:
        return True
    return Path(importlib.util.cache_from_source(spec.origin)).exists()


def available_memory() -> int | None:
    """Bytes that a process may still take, within the container's limit; None where that is not told."""
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
        available = next(int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:"))
    except (OSError, StopIteration):
        return None
    limit = Path("/sys/fs/cgroup/memory.max")
    used = Path("/sys/fs/cgroup/memory.current")
    if limit.exists() and used.exists() and limit.read_text().strip().isdigit():
        return min(available, int(limit.read_text()) - int(used.read_text()))
    return available


def docker_engine() -> str | None:
    """Its version; None where none answers."""
    try:
        return image.engine_version()
    except MissingInputError:
        return None


def is_free(port: int) -> bool:
    """Whether a server could listen there."""
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(("", port))
        except OSError:
            return False
    return True
