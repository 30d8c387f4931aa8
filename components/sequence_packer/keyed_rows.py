"""Packed rows on their way to their file, as blocks of bytes and in the file's order.

A row's place is a hash of its bytes, its key: so rows of all sources are mixed, and any number of workers
gives the same order. A row that is taken more than once has another key each time, so that its copies lie
far apart.

Rows are sorted and merged by whole arrays of keys: a row costs a slice of bytes and its hash.
"""

from __future__ import annotations

import dataclasses
import hashlib
import itertools
import struct
from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from components import runs
from components.runs import BLOCK_BYTES

_HEADER = struct.Struct("<I")
"""Rows."""


@dataclasses.dataclass(frozen=True)
class KeyedRows:
    """Serialized rows, and where each stands."""

    keys: np.ndarray
    """uint64 ``(rows,)``."""
    rows: list[bytes]

    @classmethod
    def of(cls, rows: Sequence[bytes], copies: Sequence[int]) -> KeyedRows:
        """Each row so many times."""
        taken = [(row, copy) for row, count in zip(rows, copies, strict=True) for copy in range(count)]
        keys = np.frombuffer(b"".join(itertools.starmap(key_of, taken)), ">u8")
        return cls(keys.astype(np.uint64), [row for row, _ in taken])

    @classmethod
    def in_order(cls, parts: Sequence[KeyedRows]) -> KeyedRows:
        """All rows of some parts, by key."""
        keys = np.concatenate([part.keys for part in parts])
        rows = list(itertools.chain.from_iterable(part.rows for part in parts))
        order = np.argsort(keys, kind="stable")
        keys, rows = keys[order], [rows[place] for place in order.tolist()]
        if (keys[1:] == keys[:-1]).any():  # Equal rows; or, once in a world, two that are not.
            rows = [row for _, row in sorted(zip(keys.tolist(), rows, strict=True))]
        return cls(keys, rows)

    def by_shard(self, num_shards: int) -> Iterator[KeyedRows]:
        """Those of each file, by its number."""
        shards = self.keys % np.uint64(num_shards)
        for shard in range(num_shards):
            [places] = np.nonzero(shards == shard)
            yield KeyedRows(self.keys[places], [self.rows[place] for place in places.tolist()])

    def __getitem__(self, part: slice) -> KeyedRows:
        return KeyedRows(self.keys[part], self.rows[part])


def key_of(row: bytes, copy: int = 0) -> bytes:
    """Where the row stands, as 8 bytes, the highest first; ``copy`` counts from 0."""
    digest = hashlib.sha256(row)
    if copy:
        digest.update(copy.to_bytes(8, "big"))
    return digest.digest()[:8]


def to_blocks(keyed: KeyedRows) -> Iterator[bytes]:
    """Rows, in their order, to blocks."""
    lengths = np.fromiter(map(len, keyed.rows), np.uint32, len(keyed.rows))
    blocks = np.cumsum(lengths + 12, dtype=np.int64) // BLOCK_BYTES
    edges = [0, *(np.flatnonzero(np.diff(blocks)) + 1).tolist(), len(lengths)]
    for start, end in itertools.pairwise(edges):
        arrays = keyed.keys[start:end].tobytes(), lengths[start:end].tobytes()
        yield b"".join([_HEADER.pack(end - start), *arrays, *keyed.rows[start:end]])


def from_blocks(blocks: Iterable[bytes]) -> Iterator[KeyedRows]:
    """The inverse of `to_blocks`, a block at a time."""
    for block in blocks:
        [count] = _HEADER.unpack_from(block)
        keys = np.frombuffer(block, np.uint64, count, _HEADER.size)
        lengths = np.frombuffer(block, np.uint32, count, _HEADER.size + keys.nbytes)
        first = _HEADER.size + keys.nbytes + lengths.nbytes
        ends = (first + np.cumsum(lengths, dtype=np.int64)).tolist()
        yield KeyedRows(keys, [block[start:end] for start, end in zip([first, *ends], ends, strict=False)])


def merged(found: Iterable[Iterator[KeyedRows]]) -> Iterator[bytes]:
    """Rows of several runs, each in order, as one."""
    for keyed in runs.merged(found, lambda block: block.keys, KeyedRows.in_order):
        yield from keyed.rows
