"""Builds the container image of every stage, with the machine's Docker engine.

The build context is not the folder as it lies there: it is an archive of just the files that the Dockerfile
copies, sorted, owned by root and all of one time, so that the same sources give the same archive, and
nothing that happens to lie beside them (data, models, credentials) leaves the machine.
"""

from __future__ import annotations

import io
import subprocess
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from pipeline.errors import MissingInputError
from pipeline.kubeflow import recipe

DOCKERFILE = "pipeline/kubeflow/Dockerfile"
_SUITES = {"3.10": "bookworm", "3.11": "trixie", "3.12": "trixie", "3.13": "trixie"}
"""Of each Python, the Debian whose C library its packages run on."""
_EPOCH = 1577836800
"""2020-01-01: a time for every file."""


@dataclass(frozen=True)
class Build:
    """What to build."""

    tag: str
    base: str
    """The image to start from, by tag or by digest."""
    gpu: bool

    def arguments(self) -> dict[str, str]:
        """The Dockerfile's build arguments."""
        return {"BASE": self.base, **({"EXTRAS": "--extra gpu"} if self.gpu else {})}

    def command(self) -> list[str]:
        """``docker build``, which reads the context from its standard input."""
        given = [word for item in self.arguments().items() for word in ("--build-arg", "=".join(item))]
        return ["docker", "build", "--file", DOCKERFILE, "--tag", self.tag, *given, "-"]


def source_folder() -> Path:
    """The clone that this package runs from.

    Raises:
      MissingInputError: it was installed without its lock file, so there is nothing to build from.
    """
    folder = Path(__file__).resolve().parents[2]
    missing = [
        name for name in recipe.read(_dockerfile(folder)).context_sources() if not (folder / name).exists()
    ]
    if missing:
        raise MissingInputError(
            f"{folder}: {', '.join(missing)} is not here: the image is built from a clone of the repository: "
            "run this command in one, after 'make environment'"
        )
    return folder


def default_python() -> str:
    """The Python that the project develops with."""
    return (source_folder() / ".python-version").read_text(encoding="utf-8").strip()


def base_image(python: str) -> str:
    """The official image for a Python, by tag: a digest cannot be known without asking its registry.

    Raises:
      MissingInputError: no stack runs on this Python.
    """
    if python not in _SUITES:
        raise MissingInputError(f"--python {python}: the stacks have {', '.join(_SUITES)}")
    return f"python:{python}-slim-{_SUITES[python]}"


def context_files(folder: Path) -> dict[str, Path]:
    """What the Dockerfile copies, and the Dockerfile: name in the archive -> file."""
    names = recipe.read(_dockerfile(folder)).context_sources()
    files = {path.relative_to(folder).as_posix(): path for name in names for path in _below(folder / name)}
    return dict(sorted({**files, DOCKERFILE: folder / DOCKERFILE}.items()))


def write_context(folder: Path, output: IO[bytes]) -> None:
    """The archive that is sent to the engine; the same bytes for the same files."""
    with tarfile.open(fileobj=output, mode="w|", format=tarfile.PAX_FORMAT) as archive:
        for name, path in context_files(folder).items():
            content = path.read_bytes()
            entry = tarfile.TarInfo(name)
            entry.size, entry.mtime, entry.mode = len(content), _EPOCH, 0o644
            archive.addfile(entry, io.BytesIO(content))


def engine_version() -> str:
    """Of the Docker engine that would build.

    Raises:
      MissingInputError: there is no Docker here, or no engine answers its client.
    """
    command = ["docker", "version", "--format", "{{.Server.Version}}"]
    try:
        asked = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    except OSError:
        raise MissingInputError(
            "no Docker is here, and the image is built by it: install it, or run this command where one is"
        ) from None
    except subprocess.TimeoutExpired:
        raise MissingInputError("the Docker engine did not answer within 30 s: is it running?") from None
    if asked.returncode:
        said = (asked.stderr.strip().splitlines() or ["it said nothing"])[-1]
        raise MissingInputError(f"no Docker engine answers: start it, or name one by DOCKER_HOST ({said})")
    return asked.stdout.strip()


def run(build: Build, folder: Path) -> int:
    """Builds the image; its output goes where this process's goes. Returns Docker's exit status."""
    with subprocess.Popen(build.command(), stdin=subprocess.PIPE) as docker:
        assert docker.stdin is not None
        try:
            write_context(folder, docker.stdin)
        except BrokenPipeError:
            pass  # It has ended, and its status says why.
        else:
            docker.stdin.close()
        return docker.wait()


def _dockerfile(folder: Path) -> str:
    path = folder / DOCKERFILE
    return (path if path.exists() else recipe.FILE).read_text(encoding="utf-8")


def _below(path: Path) -> Iterator[Path]:
    """A file, or the files of a folder that belong to the sources."""
    if path.is_file():
        yield path
        return
    for each in path.iterdir():
        if (
            each.name != "__pycache__"
            and not each.name.startswith(".")
            and each.suffix not in (".pyc", ".so")
        ):
            yield from _below(each)
