"""Which documents belong together, and which of them is kept.

Documents are nodes (`fingerprints`), pairs that were verified are edges with their similarity; a cluster is a
connected component, of which the smallest node is kept. What the others resemble is read off the *maximum
spanning forest* of the edges: of each circle of edges the least similar one is left out. It is unique where
ties are broken by the nodes' names, so the result is the same in whatever order the edges were found.

Edges are records that sort by similarity, the greatest first, then by nodes (`EDGE`), so the forest is made
as they are merged from disk (Kruskal's algorithm).

Worked example, with a < b < c < d: of the edges 0.9 ab, 0.8 bc, 0.85 ac, 0.9 cd the forest is
0.9 ab, 0.9 cd, 0.85 ac. `dropped` gives b (0.9 to a), c (0.85 to a) and d (0.9 to c), all of them for a.

Cost: 1 µs an edge. Memory: some 150 bytes for each document that has a near-duplicate, in one place; nothing
for the others.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np

from components import sorted_records
from components.corpus_gen.duplicates.fingerprints import NODE_BYTES, Node

EDGE = np.dtype([("unequal", ">u2"), ("first", f"V{NODE_BYTES}"), ("second", f"V{NODE_BYTES}")])
"""Hashes of the signature in which two documents differ; and their nodes, the smaller first."""
RECORD = sorted_records.dtype_of(EDGE.itemsize)
_NODES = sorted_records.dtype_of(NODE_BYTES)


class Dropped(NamedTuple):
    """A document that is left out for another one."""

    node: Node
    kept: Node
    similar: Node
    """The document that it resembles: the one kept, or one that leads to it."""
    unequal: int


def edges(unequal: Sequence[int] | np.ndarray, ones: np.ndarray, others: np.ndarray) -> np.ndarray:
    """`EDGE` records, unsorted, of nodes ``(count,)`` with as many others."""
    first, second = (np.ascontiguousarray(nodes).view(_NODES) for nodes in (ones, others))
    found = np.empty(len(first), EDGE)
    swapped = second < first
    found["unequal"] = unequal
    found["first"] = np.where(swapped, second, first).view(f"V{NODE_BYTES}")
    found["second"] = np.where(swapped, first, second).view(f"V{NODE_BYTES}")
    return found.view(RECORD)


def dropped(sorted_edges: Callable[[], Iterable[np.ndarray]]) -> Iterator[Dropped]:
    """All nodes but the smallest of each component, with what they are dropped for.

    Args:
      sorted_edges: gives the `EDGE` records in order, as arrays; called twice. Each may be there often.
    """
    nodes = _nodes(sorted_edges())
    if not len(nodes):
        return
    sets, forest, unequal = _DisjointSets(len(nodes)), array("q"), array("H")
    for records in sorted_edges():
        found = np.unique(records).view(EDGE)
        ends = [np.searchsorted(nodes, _names(found[side])).tolist() for side in ("first", "second")]
        for difference, one, other in zip(found["unequal"].tolist(), *ends, strict=True):
            if sets.join(one, other):
                forest.extend((one, other))
                unequal.append(difference)
    yield from _explained(nodes, np.array(forest).reshape(-1, 2), np.array(unequal))


def forest(unequal: np.ndarray) -> list[tuple[int, int]]:
    """Edges that connect what is connected in a few documents compared pair by pair.

    Args:
      unequal: (count, count), hashes in which two differ; negative where they are not similar.
    """
    ones, others = np.nonzero(np.triu(unequal >= 0, 1))
    order = np.argsort(unequal[ones, others], kind="stable")
    sets = _DisjointSets(len(unequal))
    pairs = zip(ones[order].tolist(), others[order].tolist(), strict=True)
    return [(one, other) for one, other in pairs if sets.join(one, other)]


def components(count: int, joined: Iterable[tuple[int, int]]) -> np.ndarray:
    """The component of each of ``count`` nodes, as a number."""
    sets = _DisjointSets(count)
    for one, other in joined:
        sets.join(one, other)
    return np.array([sets.root(index) for index in range(count)])


def _nodes(arrays: Iterable[np.ndarray]) -> np.ndarray:
    """Those of all edges, sorted, each once."""
    nodes, added, num_added = np.empty(0, _NODES), [], 0
    for records in arrays:
        found = records.view(EDGE)
        added.append(np.unique(np.concatenate([_names(found["first"]), _names(found["second"])])))
        num_added += len(added[-1])
        if num_added > len(nodes):
            nodes, added, num_added = np.unique(np.concatenate([nodes, *added])), [], 0
    return np.unique(np.concatenate([nodes, *added]))


def _names(nodes: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(nodes).view(_NODES)


def _explained(nodes: np.ndarray, forest_: np.ndarray, unequal: np.ndarray) -> Iterator[Dropped]:
    """The forest's components, each from its smallest node outwards."""
    ends = np.concatenate([forest_, forest_[:, ::-1]])
    order = np.lexsort((ends[:, 1], ends[:, 0]))
    starts = _array(np.searchsorted(ends[order, 0], np.arange(len(nodes) + 1)))
    neighbours, numbers = _array(ends[order, 1]), _array(order % len(forest_))
    names = nodes.view(f"V{NODE_BYTES}")
    seen = bytearray(len(nodes))
    for kept in range(len(nodes)):
        if seen[kept]:
            continue
        seen[kept], stack = 1, [kept]
        while stack:
            node = stack.pop()
            for place in range(starts[node], starts[node + 1]):
                neighbour = neighbours[place]
                if not seen[neighbour]:
                    seen[neighbour] = 1
                    stack.append(neighbour)
                    dropped_, kept_, similar = (names[index].tobytes() for index in (neighbour, kept, node))
                    yield Dropped(dropped_, kept_, similar, int(unequal[numbers[place]]))


def _array(numbers: np.ndarray) -> array[int]:
    """As a list, in 8 bytes a number."""
    return array("q", numbers.astype(np.int64).tobytes())


class _DisjointSets:
    """Union-find with path halving; of each set the smallest is the root."""

    def __init__(self, count: int) -> None:
        self._parents = array("q", range(count))

    def join(self, first: int, second: int) -> bool:
        """Whether the two were apart."""
        first, second = self.root(first), self.root(second)
        if first == second:
            return False
        self._parents[max(first, second)] = min(first, second)
        return True

    def root(self, node: int) -> int:
        parents = self._parents
        while (parent := parents[node]) != node:
            parents[node] = node = parents[parent]
        return node
