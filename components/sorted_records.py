"""Records of one width in sorted runs (`runs`), merged as NumPy arrays: sorting what is larger than memory.

A record is a fixed number of bytes and sorts by them, so whatever is to decide the order comes first, as
big-endian numbers; or it is one number. Merging (`runs.merged`) sorts what is not above the smallest of the
blocks' last records: with runs of ``[1, 4, 9]`` and ``[2, 3, 5]`` in blocks of three the bound is 5, and
``[1, 2, 3, 4, 5]`` comes first, then ``[9]``.

Cost: one sort, some 0.3 µs a record of 40 bytes. Memory: two blocks for each run.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from components import runs
from components.runs import Run

_BLOCK_BYTES = 1 << 16


def dtype_of(width: int) -> np.dtype:
    """Records of so many bytes. NumPy compares them as unsigned bytes, and drops the zeros at the end of one
    that becomes Python's: look at fields through a structured view instead."""
    return np.dtype(f"S{width}")


def to_blocks(records: np.ndarray) -> Iterator[bytes]:
    """Sorted records to blocks."""
    length = max(1, _BLOCK_BYTES // records.dtype.itemsize)
    for start in range(0, len(records), length):
        yield records[start : start + length].tobytes()


def read(run: Run, dtype: np.dtype) -> Iterator[np.ndarray]:
    """The inverse of `to_blocks`."""
    return (np.frombuffer(block, dtype) for block in runs.read(run))


def in_order(found: Iterable[Run], dtype: np.dtype) -> Iterator[np.ndarray]:
    """The records of several runs in order, as arrays of whatever length; none is empty."""
    return merge(read(run, dtype) for run in found)


def merge(sorted_arrays: Iterable[Iterator[np.ndarray]]) -> Iterator[np.ndarray]:
    """Several sequences of arrays, each sorted from one to the next, as one."""
    return runs.merged(sorted_arrays, lambda array: array, lambda parts: np.sort(np.concatenate(parts)))


def by_range(records: np.ndarray, firsts: np.ndarray, num_parts: int) -> Iterator[tuple[int, np.ndarray]]:
    """Sorted records in ``num_parts`` parts, without the empty ones; ``firsts`` are their first 8 bytes as
    numbers, which are hashes and so spread evenly."""
    bounds = [(part << 64) // num_parts for part in range(1, num_parts)]
    cuts = np.searchsorted(firsts, np.array(bounds, np.uint64))
    for part, piece in enumerate(np.split(records, cuts)):
        if len(piece):
            yield part, piece
