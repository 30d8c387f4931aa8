"""The corpus' files by their hashes: what the documents were made of, for lineage.

A file is hashed while it is read, its bytes as they lie on the disk; what the reader jumps over or leaves
(Parquet's other columns, all that follows damage) is read once more at the end. Memory: one block. The
records lie beside what was rejected, as JSON lines in gzip (`FILES`), written by Beam, so a corpus of
millions of files needs no more memory than one of ten.
"""

from __future__ import annotations

import gzip
import hashlib
import io
from collections.abc import Iterator
from typing import IO, Any

import apache_beam as beam
from apache_beam.io.filesystem import CompressionTypes
from apache_beam.io.filesystems import FileSystems

from models.config import Settings

FILES = "files"
"""Folder of the records within CorpusGen's second output."""
_BLOCK_BYTES = 1 << 20


class SourceFile(Settings):
    """One file that was read."""

    source: str
    path: str
    """Below the corpus folder."""
    num_bytes: int
    """When the files were listed."""
    sha256: str | None
    """None where the file could not be read to its end."""


class HashedStream(io.RawIOBase):
    """A stream that hashes what is read of it. It does not close the other one."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self._position = 0
        self._digest = hashlib.sha256()
        self._num_hashed = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return self._stream.seekable()

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._position = self._stream.seek(offset, whence)
        return self._position

    def tell(self) -> int:
        return self._position

    def readinto(self, buffer: Any) -> int:
        content = self._stream.read(len(buffer))
        self._note(content)
        buffer[: len(content)] = content
        return len(content)

    def close(self) -> None:
        """Not: readers close what they are given, and the rest is still to be hashed."""

    def sha256(self) -> str:
        """Of the whole file: reads what was not read yet.

        Raises:
          OSError, or another error of the file system: it cannot be read to its end.
        """
        if self._position != self._num_hashed:
            self.seek(self._num_hashed)
        while content := self._stream.read(_BLOCK_BYTES):
            self._note(content)
        return self._digest.hexdigest()

    def _note(self, content: bytes) -> None:
        """Hashes what of ``content``, read at the position, goes on where the hash ends."""
        start, self._position = self._position, self._position + len(content)
        if start <= self._num_hashed < self._position:
            self._digest.update(content[self._num_hashed - start :])
            self._num_hashed = self._position


class WriteSourceFiles(beam.PTransform):
    """`SourceFile` as JSON text to gzipped text files in a folder, in no order."""

    def __init__(self, directory: str) -> None:
        super().__init__()
        self._directory = directory

    def expand(self, files: beam.PCollection) -> beam.PCollection:
        return files | beam.io.WriteToText(
            f"{self._directory}/{FILES}/{FILES}",
            file_name_suffix=".jsonl.gz",
            compression_type=CompressionTypes.GZIP,
        )


def read(directory: str) -> Iterator[SourceFile]:
    """The records below CorpusGen's second output, in no order; none where an earlier version made it."""
    [found] = FileSystems.match([f"{directory}/{FILES}/*.jsonl.gz"])
    for metadata in found.metadata_list:
        raw = FileSystems.open(metadata.path, compression_type=CompressionTypes.UNCOMPRESSED)
        with raw, gzip.GzipFile(fileobj=raw) as lines:
            for line in lines:
                yield SourceFile.model_validate_json(line)
