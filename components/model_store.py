"""The folder that servers watch: ``<base path>/<version>``, one SavedModel a version.

Versions are positive integers, one more each time. A server notices a version's folder as
soon as it exists, so a push copies beside it, under a name that is no integer, and
renames.
"""

from __future__ import annotations

import uuid

from tfx.dsl.io import fileio
from tfx.utils import io_utils

from models import manifest
from models.errors import ModelError

MLMD_UUID = "assets.extra/mlmd_uuid"
"""What ties a version to its records wherever it is copied to: TensorFlow Serving shows the file's content,
taken as it is, as its metric ``/tensorflow/serving/mlmd_map``."""


def versions(base_path: str) -> list[int]:
    """Versions that are there, newest first."""
    if not fileio.exists(base_path):
        return []
    names = (name.rstrip("/") for name in fileio.listdir(base_path))
    return sorted((int(name) for name in names if name.isdecimal()), reverse=True)


def path(base_path: str, version: int) -> str:
    return f"{base_path}/{version}"


def manifests(base_path: str) -> list[tuple[int, manifest.Manifest]]:
    """Versions and what they say of themselves, newest first; folders that hold no model of ours
    are passed over."""
    found = []
    for version in versions(base_path):
        try:
            found.append((version, manifest.read(path(base_path, version))))
        except ModelError:
            continue
    return found


def mlmd_uuid(saved_model: str) -> str | None:
    """The content of `MLMD_UUID` below a version's folder; None where an earlier Lexmill pushed."""
    if not fileio.exists(f"{saved_model}/{MLMD_UUID}"):
        return None
    with fileio.open(f"{saved_model}/{MLMD_UUID}") as file:
        return str(file.read()).strip() or None


def push(saved_model: str, base_path: str, content: manifest.Manifest) -> int:
    """Publishes a copy of ``saved_model`` as the next version, with ``content`` as its manifest and a new
    `MLMD_UUID`.

    Nothing is visible to a server before the copy is complete. When another push takes the
    same number first, the next one is tried.
    """
    fileio.makedirs(base_path)
    staging = f"{base_path}/.pushing-{uuid.uuid4().hex}"
    try:
        io_utils.copy_dir(saved_model, staging)
        manifest.write(staging, content)
        fileio.makedirs(f"{staging}/assets.extra")
        with fileio.open(f"{staging}/{MLMD_UUID}", "w") as file:
            file.write(str(uuid.uuid4()))
        while True:
            version = max(versions(base_path), default=0) + 1
            try:
                fileio.rename(staging, path(base_path, version))
                return version
            except Exception:
                if not fileio.exists(path(base_path, version)):
                    raise
    finally:
        if fileio.exists(staging):
            fileio.rmtree(staging)
