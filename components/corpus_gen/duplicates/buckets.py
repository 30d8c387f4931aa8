"""Copies and near-duplicates among sorted records (`fingerprints`): what stands together is compared.

A bucket is the documents that agree in a band. Copies within it count once. In one of up to `MAX_LEADERS`
where all are similar to the first they are tied to it, and else they are compared pair by pair. Of a larger
one those whose texts have the smallest hashes are the leaders: they are compared pair by pair, and each of
the others is tied to the most similar of each group among them. A group that makes up a share f of the
bucket has none of its members among the leaders, and is then left to the other bands, with probability
(1 - f)^64.

Memory: the records of some thousand documents, however many a bucket has.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from components.corpus_gen.duplicates import clusters, signatures
from components.corpus_gen.duplicates.fingerprints import COPY, Node, band_dtype

MAX_LEADERS = 64
_MANY = 4096
"""Records of one bucket that are compared at a time."""


def copies(arrays: Iterable[np.ndarray]) -> Iterator[tuple[Node, Node]]:
    """Sorted `COPY` records to each copy and the document that is kept for it: the first of their text."""
    text, kept = None, b""
    for records in arrays:
        found = records.view(COPY)
        nodes, again = found["node"], _repeats(found["text"], text)
        begun_before = np.logical_and.accumulate(again)
        firsts = _firsts(again)
        for index in np.flatnonzero(again):
            original = kept if begun_before[index] else nodes[firsts[index]].tobytes()
            yield nodes[index].tobytes(), original
        text = found["text"][-1]
        if not begun_before[-1]:
            kept = nodes[firsts[-1]].tobytes()


class Comparison:
    """Of what stands together in a band.

    Args:
      num_hashes: of a signature.
      threshold: least estimated similarity of an edge.
      join_copies: whether copies are tied to the first of them; else they are no longer considered.
    """

    def __init__(self, num_hashes: int, threshold: float, join_copies: bool) -> None:
        self._dtype = band_dtype(num_hashes)
        self._most_unequal = signatures.most_unequal(num_hashes, threshold)
        self._join_copies = join_copies

    def edges(self, arrays: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
        """Sorted records of bands to `clusters.EDGE` records, in no order; the same however the arrays are
        cut."""
        carried = np.empty(0, self._dtype)
        for records in arrays:
            found = np.concatenate([carried, records.view(self._dtype)])
            last = int(np.searchsorted(found["key"], found["key"][-1]))
            yield from self._compare(found[:last])
            carried = found[last:]
            if len(carried) >= _MANY:
                yield from self._tie_copies(carried)
                carried = carried[~_repeats(carried["text"])]
            if len(carried) >= _MANY:  # Those to come are compared with the same leaders.
                yield from self._compare_bucket(carried)
                carried = np.concatenate([carried[:MAX_LEADERS], carried[-1:]])
        yield from self._compare(carried)

    def _compare(self, found: np.ndarray) -> Iterator[np.ndarray]:
        """Whole buckets."""
        again = _repeats(found["key"])
        has_others = again.copy()
        has_others[:-1] |= again[1:]
        found, again = found[has_others], again[has_others]
        yield from self._tie_copies(found)
        different = ~(again & _repeats(found["text"]))
        if len(found):
            yield from self._compare_different(found[different], again[different])

    def _tie_copies(self, found: np.ndarray) -> Iterator[np.ndarray]:
        copied = _repeats(found["key"]) & _repeats(found["text"])
        if self._join_copies and copied.any():
            nodes = found["node"]
            originals = nodes[_firsts(copied)[copied]]
            yield clusters.edges(np.zeros(len(originals), np.uint16), nodes[copied], originals)

    def _compare_different(self, found: np.ndarray, again: np.ndarray) -> Iterator[np.ndarray]:
        """Whole buckets in which no text is there twice; ``again`` is where the bucket is the one before."""
        starts, firsts, nodes = np.flatnonzero(~again), _firsts(again), found["node"]
        sizes = np.diff(starts, append=len(found))
        unequal = (found["sketch"] != found["sketch"][firsts]).sum(axis=1)
        simple = np.logical_and.reduceat(unequal <= self._most_unequal, starts) & (sizes <= MAX_LEADERS)
        tied = again & np.repeat(simple, sizes)
        if tied.any():
            yield clusters.edges(unequal[tied], nodes[tied], nodes[firsts[tied]])
        for start, size in zip(starts[~simple].tolist(), sizes[~simple].tolist(), strict=True):
            yield from self._compare_bucket(found[start : start + size])

    def _compare_bucket(self, bucket: np.ndarray) -> Iterator[np.ndarray]:
        leaders, others = bucket[:MAX_LEADERS], bucket[MAX_LEADERS:]
        unequal = self._unequal(leaders, leaders)
        tied = clusters.forest(unequal)
        if tied:
            ones, twos = np.array(tied).T
            yield clusters.edges(unequal[ones, twos], leaders["node"][ones], leaders["node"][twos])
        groups = clusters.components(len(leaders), tied)
        for start in range(0, len(others), MAX_LEADERS):
            some = others[start : start + MAX_LEADERS]
            unequal = self._unequal(some, leaders)
            for group in np.unique(groups):
                of_group = np.where((groups == group) & (unequal >= 0), unequal, np.iinfo(np.int64).max)
                best = of_group.argmin(axis=1)
                is_tied = unequal[np.arange(len(some)), best] >= 0
                is_tied &= groups[best] == group
                if is_tied.any():
                    closest = best[is_tied]
                    yield clusters.edges(
                        unequal[is_tied, closest], some["node"][is_tied], leaders["node"][closest]
                    )

    def _unequal(self, ones: np.ndarray, others: np.ndarray) -> np.ndarray:
        """(ones, others): hashes in which they differ; -1 where they are not similar."""
        unequal = (ones["sketch"][:, None] != others["sketch"][None]).sum(axis=2)
        return np.where(unequal <= self._most_unequal, unequal, -1)


def _repeats(values: np.ndarray, before: object = None) -> np.ndarray:
    """Where a value is the one before it."""
    again = np.zeros(len(values), bool)
    again[1:] = values[1:] == values[:-1]
    if len(values) and before is not None:
        again[0] = values[0] == before
    return again


def _firsts(again: np.ndarray) -> np.ndarray:
    """Of each place, the last one at or before it that is not ``again``."""
    return np.maximum.accumulate(np.where(again, 0, np.arange(len(again))))
