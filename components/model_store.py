"""The folder that servers watch: ``<base path>/<version>``, one SavedModel a version.

Versions are positive integers, one more each time. A server notices a version's folder as soon as it
exists, so a push copies beside it, under a name that is no integer, and renames.

Object storage (``gs://``, ``s3://``) has no folders: renaming one there moves its objects one by one, and
two pushes may move theirs to the same place. So there a push first claims its number, and moves
``saved_model.pb`` last, without which a folder is no model: a server that looks in between fails to load
the version, keeps the one before, and tries again (TensorFlow Serving five times, a minute apart; the moves
are made within the store and take seconds). A claim is an object ``.claim-<version>-<who>``: after writing
its own, a push that sees another's gives the number up. As what was written is listed at once, of two
pushes at least one sees the other; so a number is never taken twice, and after a crash one may stay unused.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator

from tfx.dsl.io import fileio
from tfx.utils import io_utils

from models import manifest
from models.errors import ModelError

MLMD_UUID = "assets.extra/mlmd_uuid"
"""What ties a version to its records wherever it is copied to: TensorFlow Serving shows the file's content,
taken as it is, as its metric ``/tensorflow/serving/mlmd_map``."""
_LAST = "saved_model.pb"


def versions(base_path: str) -> list[int]:
    """Versions that are there, newest first."""
    if not fileio.exists(base_path):
        return []
    names = (name.rstrip("/") for name in fileio.listdir(base_path))
    return sorted((int(name) for name in names if name.isdecimal()), reverse=True)


def path(base_path: str, version: int) -> str:
    return f"{base_path}/{version}"


def manifests(base_path: str) -> list[tuple[int, manifest.Manifest]]:
    """Versions and what they say of themselves, newest first; folders that hold no model of ours, or not
    all of one, are passed over."""
    found = []
    for version in versions(base_path):
        if not fileio.exists(f"{path(base_path, version)}/{_LAST}"):
            continue
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

    Nothing is visible to a server before the copy is complete; on object storage, nothing that it
    could load. When another push takes the same number first, the next one is tried.
    """
    fileio.makedirs(base_path)
    staging = f"{base_path}/.pushing-{uuid.uuid4().hex}"
    try:
        io_utils.copy_dir(saved_model, staging)
        manifest.write(staging, content)
        fileio.makedirs(f"{staging}/assets.extra")
        with fileio.open(f"{staging}/{MLMD_UUID}", "w") as file:
            file.write(str(uuid.uuid4()))
        return _publish_objects(staging, base_path) if "://" in base_path else _publish(staging, base_path)
    finally:
        if fileio.exists(staging):
            fileio.rmtree(staging)


def _publish(staging: str, base_path: str) -> int:
    while True:
        version = max(versions(base_path), default=0) + 1
        try:
            fileio.rename(staging, path(base_path, version))
            return version
        except Exception:
            if not fileio.exists(path(base_path, version)):
                raise


def _publish_objects(staging: str, base_path: str) -> int:
    version = max(versions(base_path), default=0) + 1
    while (claim := _claim(base_path, version)) is None:
        version += 1
    names = sorted(_files(staging), key=lambda name: (name == _LAST, name))
    for name in names:
        fileio.rename(f"{staging}/{name}", f"{path(base_path, version)}/{name}")
    fileio.remove(claim)
    return version


def _claim(base_path: str, version: int) -> str | None:
    """The claim's path; None if another push has claimed or taken the number."""
    claim = f"{base_path}/.claim-{version}-{uuid.uuid4().hex}"
    with fileio.open(claim, "w") as file:
        file.write("A push is under way, or was stopped.\n")
    rivals = [other for other in fileio.glob(f"{base_path}/.claim-{version}-*") if other != claim]
    if not rivals and version not in versions(base_path):
        return claim
    fileio.remove(claim)
    return None


def _files(folder: str) -> Iterator[str]:
    """Names below ``folder``, of files only."""
    for parent, _, names in fileio.walk(folder):
        below = parent.rstrip("/")[len(folder) :].lstrip("/")
        yield from (f"{below}/{name}".lstrip("/") for name in names)
