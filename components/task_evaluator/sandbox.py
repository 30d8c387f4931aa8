"""Runs programs that a model wrote, each in a process of its own that can do little.

What keeps a program in is in `jail`; here it is started with an empty environment, in a temporary folder of
its own, is given a time, and is killed at its end. What comes of it is one bit: whether it ran to its end
without an exception. Nothing that it prints is read.

It does not protect from faults of the kernel, from what the processor gives away, nor from a program that
sets out to look right: it shares its interpreter with what judges it.
"""

from __future__ import annotations

import contextlib
import functools
import json
import os
import secrets
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

from pydantic import Field

from components.errors import StageError
from models.config import Settings

_JAIL = Path(__file__).with_name("jail.py")
_NEEDED = {"landlock", "seccomp"}
_MAX_RESULT_BYTES = 1000


class Limits(Settings):
    """What one program may use."""

    seconds: float = Field(default=5.0, gt=0, le=600)
    """Of the clock, and of the processor."""
    memory_bytes: int = Field(default=1_000_000_000, ge=100_000_000)
    """Of address space, the interpreter's own 30 MB included."""
    file_bytes: int = Field(default=1_000_000, ge=0)
    """Size of a file that it writes."""


def runs(program: str, limits: Limits, strict: bool = True) -> bool:
    """Whether the program ends by itself, in time and without an exception.

    Args:
      program: Python.
      limits: what it may use.
      strict: whether a kernel without one of the layers is refused.

    Raises:
      StageError: ``strict``, and the kernel lacks a layer. Nothing was run.
    """
    if strict:
        _require(_NEEDED)
    _, has_ended = _run(program, limits, strict)
    return has_ended


@functools.cache
def layers() -> frozenset[str]:
    """What keeps programs in on this machine: ``limits``, ``namespaces``, ``landlock``, ``seccomp``."""
    found, _ = _run("", Limits(), strict=False)
    return found


def _require(needed: set[str]) -> None:
    missing = needed - layers()
    if missing:
        raise StageError(
            f"programs that a model wrote cannot be kept in here: no {' and no '.join(sorted(missing))}, "
            "which Linux has since 5.13, on x86-64 and ARM: leave the task out, or, where there is nothing "
            "to lose, set strict_sandbox = false on it"
        )


def _run(program: str, limits: Limits, strict: bool) -> tuple[frozenset[str], bool]:
    """The layers that were in force, and whether the program came to its end."""
    token = secrets.token_hex(16)
    request = {
        "program": program,
        "token": token,
        "strict": strict,
        "cpu_s": max(1, round(limits.seconds)),
        "memory_bytes": limits.memory_bytes,
        "file_bytes": limits.file_bytes,
    }
    reader, writer = os.pipe()
    with tempfile.TemporaryDirectory(prefix="lexmill-program-") as folder, os.fdopen(reader, "rb") as result:
        os.set_blocking(reader, False)
        try:
            process = _started(folder, writer)
        finally:
            os.close(writer)
        try:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.communicate((json.dumps(request) + "\n").encode(), timeout=limits.seconds)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        said = (result.read(_MAX_RESULT_BYTES) or b"").decode(errors="replace")
    in_force, _, rest = said.partition("\n")
    return frozenset(in_force.split()), process.returncode == 0 and rest == token


def _started(folder: str, result: int) -> subprocess.Popen[bytes]:
    """The interpreter that runs this, without the environment's packages."""
    return subprocess.Popen(
        [sys.executable, "-I", "-S", "-B", str(_JAIL), str(result)],
        cwd=folder,
        env={},
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        pass_fds=(result,),
        start_new_session=True,
    )
