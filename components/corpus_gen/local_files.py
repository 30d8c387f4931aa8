"""The files of a folder of this machine, and of those below it: none is passed over unsaid.

Links to folders are followed, but for one that leads back to where it came from. Links to what is not there,
pipes and devices are listed, for reading to tell of. A folder that may not be listed is an error: there is no
knowing what it holds.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from apache_beam.io.filesystem import FileMetadata

from components.errors import CorpusError

_Identity = tuple[int, int]
"""Of a folder, whatever it is called: device and inode."""


def below(folder: str, depth: int | None = None) -> Iterator[FileMetadata]:
    """In no order; none if the folder is not there.

    Args:
      folder: where to start.
      depth: how many folders further down; None: all of them.

    Raises:
      CorpusError: a folder cannot be listed.
    """
    try:
        above = frozenset(_identity(parent) for parent in (Path(folder), *Path(folder).resolve().parents))
    except OSError:
        return
    yield from _walk(folder, above, depth)


def is_special(path: str) -> bool:
    """Whether it is there and no file: a pipe, which would be read for ever, a socket or a device."""
    try:
        return not stat.S_ISREG(os.stat(path).st_mode)  # noqa: PTH116
    except OSError:
        return False


def _walk(folder: str, above: frozenset[_Identity], depth: int | None) -> Iterator[FileMetadata]:
    try:
        with os.scandir(folder) as entries:
            found = list(entries)
    except FileNotFoundError:  # Gone since its parent was listed.
        return
    except OSError as error:
        raise CorpusError(
            f"corpus folder {folder} cannot be listed ({error.strerror}); correct its permissions, or take "
            "a pattern that does not reach it"
        ) from error
    for entry in found:
        try:
            status = entry.stat()
        except OSError:  # A link to nowhere, or to itself.
            yield FileMetadata(entry.path, 0, 0.0)
            continue
        if not stat.S_ISDIR(status.st_mode):
            yield FileMetadata(entry.path, status.st_size, status.st_mtime)
        elif depth != 0 and (identity := (status.st_dev, status.st_ino)) not in above:
            yield from _walk(entry.path, above | {identity}, None if depth is None else depth - 1)


def _identity(folder: Path) -> _Identity:
    status = folder.stat()
    return status.st_dev, status.st_ino
