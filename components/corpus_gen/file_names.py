"""The corpus' files by number, for records of one width: a table on disk that each worker reads once.

A file's number is its place among the paths below the corpus folder, sorted. Memory: some 100 bytes a file.
"""

from __future__ import annotations

import bisect
import functools
from collections.abc import Iterable

from apache_beam.io.filesystem import CompressionTypes
from apache_beam.io.filesystems import FileSystems

_SEPARATOR = "\0"
"""No file's name has it."""


class FileNames:
    """Travels as the table's place; read where it is used."""

    def __init__(self, path: str) -> None:
        self._path = path

    @classmethod
    def write(cls, path: str, names: Iterable[str]) -> FileNames:
        """Makes the table."""
        content = _SEPARATOR.join(sorted(names)).encode("utf-8", "surrogatepass")
        with FileSystems.create(path, compression_type=CompressionTypes.UNCOMPRESSED) as file:
            file.write(content)
        return cls(path)

    def number_of(self, name: str) -> int:
        return bisect.bisect_left(_read(self._path), name)

    def name_of(self, number: int) -> str:
        return _read(self._path)[number]


@functools.lru_cache(maxsize=1)
def _read(path: str) -> list[str]:
    with FileSystems.open(path, compression_type=CompressionTypes.UNCOMPRESSED) as file:
        return file.read().decode("utf-8", "surrogatepass").split(_SEPARATOR)
