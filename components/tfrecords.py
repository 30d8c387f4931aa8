"""TFRecord files, gzipped: read and written record by record, on any file system that Beam knows.

Beam's own framing (`tfrecordio`), as its sources and sinks leave the order of records open. What is being
written lies in a staging folder until it is complete: what a killed worker leaves is where no reader looks.

Written by zlib, whose bytes are a function of the content. ISA-L, seven times as fast (1,060 MB/s against 142
for packed rows, 28.2 % of their size against 28.9), chooses its code by the processor, and once wrote other
bytes in another process. SequencePacker as a whole takes 7 % longer for it. Read by ISA-L, which saves that.
"""

from __future__ import annotations

import functools
import gzip
import io
import struct
import uuid
from collections.abc import Iterable, Iterator

from apache_beam.io import tfrecordio
from apache_beam.io.filesystem import CompressionTypes
from apache_beam.io.filesystems import FileSystems
from isal import igzip

_LEVEL = 1
_BUFFER_BYTES = 1 << 18


def write(path: str, records: Iterable[bytes], staging_directory: str) -> None:
    """The same records give the same bytes; at ``path`` only when complete."""
    unfinished = f"{staging_directory}/{uuid.uuid4().hex}.gz"
    with (
        FileSystems.create(unfinished, compression_type=CompressionTypes.UNCOMPRESSED) as raw,
        gzip.GzipFile(filename="", mode="wb", compresslevel=_LEVEL, fileobj=raw, mtime=0) as compressed,
        io.BufferedWriter(compressed, _BUFFER_BYTES) as buffered,  # type: ignore[arg-type]
    ):
        for record in records:
            buffered.write(_framed(record))
    FileSystems.rename([unfinished], [path])


def read(path: str) -> Iterator[bytes]:
    """The records of one file, in its order."""
    with (
        FileSystems.open(path, compression_type=CompressionTypes.UNCOMPRESSED) as raw,
        igzip.IGzipFile(fileobj=raw) as content,
        io.BufferedReader(content, _BUFFER_BYTES) as buffered,
    ):
        while (record := tfrecordio._TFRecordUtil.read_record(buffered)) is not None:
            yield record


def _framed(record: bytes) -> bytes:
    """The record between its length, with that one's checksum, and its own: as Beam writes it, at half the
    cost."""
    return b"".join([_header(len(record)), record, _checksum(record)])


@functools.lru_cache(maxsize=4096)
def _header(num_bytes: int) -> bytes:
    length = struct.pack("<Q", num_bytes)
    return length + _checksum(length)


def _checksum(data: bytes) -> bytes:
    return struct.pack("<I", tfrecordio._TFRecordUtil._masked_crc32c(data))
