"""Packed rows on their way to their file, as blocks of bytes and in the file's order.

A row's place is a hash of its bytes, its key: so rows of all sources are mixed, and any number of workers
gives the same order. A row that is taken more than once has another key each time, so that its copies lie
far apart.
"""

from __future__ import annotations

import hashlib
import heapq
import struct
from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from components.runs import BLOCK_BYTES

KeyedRow = tuple[bytes, bytes]
"""Key and serialized row. Plain tuples, as merging compares them."""

_KEY_BYTES = 8
_HEADER = struct.Struct("<I")
"""Rows."""


def key_of(row: bytes, copy: int = 0) -> bytes:
    """Where the row stands; ``copy`` counts from 0."""
    digest = hashlib.sha256(row)
    if copy:
        digest.update(copy.to_bytes(8, "big"))
    return digest.digest()[:_KEY_BYTES]


def shard_of(key: bytes, num_shards: int) -> int:
    """The number of its file."""
    return int.from_bytes(key, "big") % num_shards


def to_blocks(rows: Sequence[KeyedRow]) -> Iterator[bytes]:
    """Rows, in their order, to blocks."""
    start, size = 0, 0
    for index, (_, row) in enumerate(rows):
        size += _KEY_BYTES + 4 + len(row)
        if size >= BLOCK_BYTES:
            yield _encode(rows[start : index + 1])
            start, size = index + 1, 0
    if start < len(rows):
        yield _encode(rows[start:])


def from_blocks(blocks: Iterable[bytes]) -> Iterator[KeyedRow]:
    """The inverse of `to_blocks`."""
    for block in blocks:
        yield from _decode(block)


def in_order(runs: Iterable[Iterable[KeyedRow]]) -> Iterator[bytes]:
    """Rows of several runs, each in order, as one."""
    return (row for _, row in heapq.merge(*runs))


def _encode(rows: Sequence[KeyedRow]) -> bytes:
    lengths = np.array([len(row) for _, row in rows], np.uint32)
    keys = b"".join(key for key, _ in rows)
    return b"".join([_HEADER.pack(len(rows)), keys, lengths.tobytes(), *(row for _, row in rows)])


def _decode(block: bytes) -> Iterator[KeyedRow]:
    [count] = _HEADER.unpack_from(block)
    lengths_at = _HEADER.size + count * _KEY_BYTES
    lengths = np.frombuffer(block, np.uint32, count, lengths_at)
    ends = lengths_at + lengths.nbytes + np.cumsum(lengths, dtype=np.int64)
    key_at = _HEADER.size
    for end, length in zip(ends.tolist(), lengths.tolist(), strict=True):
        yield block[key_at : key_at + _KEY_BYTES], block[end - length : end]
        key_at += _KEY_BYTES
