"""Where clients of others are installed: once, each in a folder of its own under ``.tools``."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

_ROOT = Path(__file__).resolve().parents[3]


def _run(command: Sequence[str | Path], folder: Path) -> None:
    """Skips the test if the command fails, as without a network."""
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300)
    if done.returncode:
        last = (done.stderr.strip() or done.stdout.strip() or "no output").splitlines()[-1]
        pytest.skip(f"{Path(command[0]).name} {command[1]} failed: {last}")


def _installed(name: str, lock: Path, install: Callable[[Path], None]) -> Path:
    """The folder that ``install`` fills, made once for each content of ``lock``."""
    digest = hashlib.sha256(lock.read_bytes() + sys.version.encode()).hexdigest()[:12]
    folder = _ROOT / ".tools" / "clients" / f"{name}-{digest}"
    if not folder.exists():
        staging = folder.with_name(f"{folder.name}.{os.getpid()}")
        staging.mkdir(parents=True)
        try:
            install(staging)
            staging.rename(folder)
        finally:
            shutil.rmtree(staging, ignore_errors=True)
    return folder


@pytest.fixture(scope="session")
def ovms_packages() -> Path:
    """A folder with ovmsclient and what it depends on, in versions that do not fit the project's own."""
    requirements = Path(__file__).with_name("ovmsclient-requirements.txt")
    own = _ROOT / ".tools" / "uv" / "bin" / "uv"
    uv = str(own) if own.exists() else shutil.which("uv")
    if not uv:
        pytest.skip("no uv here: make environment installs one")

    def install(folder: Path) -> None:
        options = ["--target", folder, "--python", sys.executable, "--quiet"]
        _run([uv, "pip", "install", *options, "--requirement", requirements], folder)

    return _installed("ovmsclient", requirements, install)


@pytest.fixture(scope="session")
def grpc_js() -> Path:
    """A folder with ``client.mjs`` and the packages that its lock file names."""
    if not shutil.which("node") or not shutil.which("npm"):
        pytest.skip("no Node.js here: apt-get install nodejs npm")
    source = Path(__file__).with_name("grpc-js")

    def install(folder: Path) -> None:
        for name in ("package.json", "package-lock.json"):
            shutil.copy(source / name, folder)
        _run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"], folder)

    folder = _installed("grpc-js", source / "package-lock.json", install)
    shutil.copy(source / "client.mjs", folder)
    return folder
