"""Runs: what one step of a stage leaves on disk for the next, so that neither holds it in memory.

A run is a list of blocks of bytes in a staging file, each small; a file holds one run for each key, of
whatever was in a worker's memory when it was full. The next step reads a key's runs side by side, one block
of each at a time: an external merge sort (Knuth, The Art of Computer Programming, vol. 3, section 5.4).
Between workers travels only where a run lies. So memory depends on the number of runs, and not on their
length: a block, at most `BLOCK_BYTES` or one record, for each.

Files have names of their own: what a worker that failed has written is never read, and goes with the folder.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple, TypeVar

import numpy as np
from apache_beam.io.filesystem import CompressionTypes
from apache_beam.io.filesystems import FileSystems

STAGING = ".unfinished"
"""The staging folder within a stage's output: of no use once the stage is over, or was killed."""
BLOCK_BYTES = 1 << 18

Key = TypeVar("Key")
Items = TypeVar("Items")


class Run(NamedTuple):
    """Where the blocks of one run lie. Plain, as it travels."""

    path: str
    offset: int
    block_lengths: tuple[int, ...]
    """Bytes of each block; they follow each other."""


def write(directory: str, key_to_blocks: Iterable[tuple[Key, Iterable[bytes]]]) -> list[tuple[Key, Run]]:
    """Writes one file, with a run a key, and says where they are."""
    path, offset = f"{directory}/{uuid.uuid4().hex}.run", 0
    written: list[tuple[Key, Run]] = []
    with FileSystems.create(path, compression_type=CompressionTypes.UNCOMPRESSED) as file:
        for key, blocks in key_to_blocks:
            lengths = []
            for block in blocks:
                file.write(block)
                lengths.append(len(block))
            written.append((key, Run(path, offset, tuple(lengths))))
            offset += sum(lengths)
    return written


def read(run: Run) -> Iterator[bytes]:
    """The blocks, one at a time. No file stays open between two of them: there may be many runs."""
    offset = run.offset
    for length in run.block_lengths:
        with FileSystems.open(run.path, compression_type=CompressionTypes.UNCOMPRESSED) as file:
            file.seek(offset)
            yield file.read(length)
        offset += length


def merged(
    sequences: Iterable[Iterator[Items]],
    keys: Callable[[Items], np.ndarray],
    join: Callable[[Sequence[Items]], Items],
) -> Iterator[Items]:
    """Several sequences of items, each sorted from one to the next, as one.

    Takes from each what is not above the smallest of their last keys, as nothing that comes later can be
    before it: a whole array of one, at least, at each step.

    Args:
      sequences: of arrays, or of what else can be sliced; none is empty.
      keys: of such, sorted, ``(items,)``.
      join: sorts parts into one.
    """
    waiting = [(head, later) for later in sequences if (head := next(later, None)) is not None]
    while waiting:
        bound = min(keys(head)[-1] for head, _ in waiting)
        taken: list[Items] = []
        rest: list[tuple[Items, Iterator[Items]]] = []
        for head, later in waiting:
            part: Any = head
            cut = int(np.searchsorted(keys(head), bound, side="right"))
            taken.append(part[:cut])
            following = part[cut:] if cut < len(keys(head)) else next(later, None)
            if following is not None:
                rest.append((following, later))
        yield join(taken)
        waiting = rest
