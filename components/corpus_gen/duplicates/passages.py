"""The evaluation's n-grams on disk: sorted hashes in runs, united to one that every worker reads.

Memory: 8 bytes an n-gram, at most ``max_ngrams`` of them; in pages of the file, which all processes of a
machine share, where it is local, and else once in each process; and 2 bytes an n-gram in each (`sieve`).
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from components import runs, sorted_records
from components.corpus_gen.duplicates import contamination
from components.corpus_gen.duplicates.contamination import Passages
from components.corpus_gen.duplicates.ngrams import Hashes
from components.runs import Run

HASH = np.dtype(np.uint64)
_MANY = 1_000_000


class PassageRun(NamedTuple):
    """Some `Passages`, on disk."""

    run: Run
    lengths: tuple[int, ...]


class WaitingPassages:
    """Those of texts, until there are enough for a run."""

    def __init__(self, num_words: int, min_words: int, directory: str) -> None:
        self._num_words = num_words
        self._min_words = min_words
        self._directory = directory

    def of(self, texts: Iterable[str]) -> Iterator[PassageRun]:
        found: list[Passages] = []
        count = 0
        for text in texts:
            found.append(contamination.passages(text, self._num_words, self._min_words))
            count += len(found[-1].hashes)
            if count >= _MANY:
                yield _write([contamination.unite(found, count)], self._directory)
                found, count = [], 0
        if count:
            yield _write([contamination.unite(found, count)], self._directory)


def unite(found: list[PassageRun], max_ngrams: int, directory: str) -> PassageRun:
    """All of them as one: but at most so many, those with the smallest hashes."""
    lengths = {length for one in found for length in one.lengths}
    return _write(_smallest((one.run for one in found), max_ngrams, tuple(sorted(lengths))), directory)


@functools.lru_cache(maxsize=2)
def read(found: PassageRun) -> Passages:
    """The last two stay in memory, or open."""
    run = found.run
    num_bytes = sum(run.block_lengths)
    if num_bytes and Path(run.path).is_file():
        hashes = np.memmap(run.path, HASH, "r", run.offset, num_bytes // HASH.itemsize)
        return Passages(np.asarray(hashes), found.lengths)
    return Passages(all_hashes([run]), found.lengths)


def all_hashes(found: Iterable[Run]) -> Hashes:
    """In memory, in the runs' order."""
    found = list(found)
    hashes = np.empty(sum(sum(run.block_lengths) for run in found) // HASH.itemsize, HASH)
    end = 0
    for block in (block for run in found for block in sorted_records.read(run, HASH)):
        hashes[end : end + len(block)] = block
        end += len(block)
    return hashes


def counted(sorted_arrays: Iterable[np.ndarray]) -> Iterator[tuple[Hashes, np.ndarray]]:
    """Different hashes, sorted, and how often each is there, of arrays that may cut between equal ones."""
    waiting, num_waiting = np.empty(0, HASH), 0
    for array in sorted_arrays:
        hashes, counts = np.unique(array, return_counts=True)
        if num_waiting and hashes[0] == waiting[0]:
            counts[0] += num_waiting
        elif num_waiting:
            yield waiting, np.array([num_waiting])
        yield hashes[:-1], counts[:-1]
        waiting, num_waiting = hashes[-1:], int(counts[-1])
    if num_waiting:
        yield waiting, np.array([num_waiting])


def _smallest(found: Iterable[Run], count: int, lengths: tuple[int, ...]) -> Iterator[Passages]:
    for hashes, _ in counted(sorted_records.in_order(found, HASH)):
        yield Passages(hashes[:count], lengths)
        count -= len(hashes)
        if count <= 0:
            return


def _write(found: Iterable[Passages], directory: str) -> PassageRun:
    lengths: set[int] = set()

    def blocks() -> Iterator[bytes]:
        for one in found:
            lengths.update(one.lengths)
            yield from sorted_records.to_blocks(one.hashes)

    [(_, run)] = runs.write(directory, [(None, blocks())])
    return PassageRun(run, tuple(sorted(lengths)))
