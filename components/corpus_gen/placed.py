"""What belongs to a place of the corpus, in runs on disk: documents, decisions on them, and dead letters.

A place is a file's path below the corpus folder and a line of it. A *part* is some of the places, chosen by
hash: what one worker does at a time, in the order of places, and one file of the result. So the files are the
same bytes for any number of workers. Some thousand lines of a file stay together, and not all: a large file
would else be one worker's work.

What meets, documents and the decisions on them, is in runs of the same parts and the same order, and both are
read side by side (`components.runs`), a block of each run at a time.
"""

from __future__ import annotations

import heapq
import io
import math
import pickle
import zlib
from collections.abc import Hashable, Iterable, Iterator
from operator import itemgetter
from typing import Any, Generic, NamedTuple, TypeVar

from components import documents, runs
from components.runs import BLOCK_BYTES, Run

Key = TypeVar("Key", bound=Hashable)

_LINES_PER_PART = 1 << 12
_FULL_BYTES = 16_000_000
_ITEM_BYTES = 200
"""What an item costs beside its text."""


class Placed(NamedTuple):
    """Something at its place."""

    path: str
    line: int
    value: Any

    @classmethod
    def of(cls, document_id: str, value: Any) -> Placed:
        return cls(*documents.split_id(document_id), value)


def num_parts(num_bytes: int) -> int:
    """For a corpus of so many: 1 for a few kilobytes, 10 for 100 MB, 31 for 1 GB, 1000 for 1 TB. The square
    root, as a larger corpus is also staged in more runs, each of them with a piece for every part."""
    return max(1, math.isqrt(num_bytes // 1_000_000))


def part_of(path: str, line: int, count: int) -> int:
    """Which of ``count`` parts a place belongs to."""
    return zlib.crc32(f"{path}\0{line // _LINES_PER_PART}".encode("utf-8", "surrogatepass")) % count


class WaitingItems(Generic[Key]):
    """Items until there are enough for a run of each key."""

    def __init__(self, directory: str) -> None:
        self._directory = directory
        self._items: dict[Key, list[Placed]] = {}
        self._num_bytes = 0

    def add(self, key: Key, item: Placed, num_bytes: int) -> None:
        """``num_bytes`` is about what the value has."""
        self._items.setdefault(key, []).append(item)
        self._num_bytes += num_bytes + _ITEM_BYTES

    @property
    def are_many(self) -> bool:
        return self._num_bytes >= _FULL_BYTES

    def write(self) -> list[tuple[Key, Run]]:
        """The runs of what waits; then nothing does."""
        if not self._items:
            return []
        key_to_blocks = (
            (key, to_blocks(sorted(items, key=itemgetter(0, 1)))) for key, items in self._items.items()
        )
        written = runs.write(self._directory, key_to_blocks)
        self._items, self._num_bytes = {}, 0
        return written


def to_blocks(items: Iterable[Placed]) -> Iterator[bytes]:
    """Items, in their order, to blocks."""
    block: list[bytes] = []
    size = 0
    for item in items:
        block.append(pickle.dumps(tuple(item), pickle.HIGHEST_PROTOCOL))
        size += len(block[-1])
        if size >= BLOCK_BYTES:
            yield b"".join(block)
            block, size = [], 0
    if block:
        yield b"".join(block)


def from_blocks(blocks: Iterable[bytes]) -> Iterator[Placed]:
    """The inverse of `to_blocks`."""
    for block in blocks:
        yield from _items(block)


def in_order(found: Iterable[Run]) -> Iterator[Placed]:
    """Items of several runs of one part, each in order, as one."""
    return heapq.merge(*(from_blocks(runs.read(run)) for run in found), key=itemgetter(0, 1))


def _items(block: bytes) -> Iterator[Placed]:
    stream = io.BytesIO(block)
    while stream.tell() < len(block):
        yield Placed(*pickle.load(stream))
