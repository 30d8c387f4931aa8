"""Which documents belong together, and which of them is kept.

Documents are nodes, pairs that were verified are edges with their similarity; a cluster is a connected
component, of which the smallest node is kept. A node is the document's rank as bytes
(`make_node`): source in the order of the configuration, then the longest, then the smallest id.

Edges go through Beam as *maximum spanning forests*: of each circle of edges the least similar one is left
out. The forest of the union of two sets of edges is the forest of the union of their forests, and is
unique where ties are broken by the nodes' names. So edges may be reduced anywhere, in any order and
grouping, and the result is the same for any number of workers; and n documents need n - 1 edges.

Worked example, with a < b < c < d: of the edges 0.9 ab, 0.8 bc, 0.85 ac, 0.9 cd the forest is
0.9 ab, 0.9 cd, 0.85 ac. `dropped` gives b (0.9 to a), c (0.85 to a) and d (0.9 to c), all of them for a.

Cost: sorting the edges. Memory: some 300 bytes for each document that has a near-duplicate, in one place
when the last forests are joined; nothing for the others.
"""

from __future__ import annotations

import heapq
import itertools
import zlib
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np

from components.corpus_gen.duplicates import signatures

Node = bytes
"""Sorts by rank: see `make_node`."""
Edge = tuple[float, Node, Node]
"""Similarity and two nodes, the smaller first."""
Member = tuple[Node, bytes]
"""A node and its `signatures.sketch`."""

_MAX_LEADERS = 64
_LONGEST = 2**63


class Dropped(NamedTuple):
    """A document that is left out for another one."""

    document_id: str
    kept_id: str
    similar_id: str
    """The document that it resembles: the one kept, or one that leads to it."""
    similarity: float


def make_node(source_index: int, num_bytes: int, document_id: str) -> Node:
    """``(0, 9, "b") < (0, 8, "a") < (0, 8, "b") < (1, 9, "a")``."""
    rank = source_index.to_bytes(4, "big") + (_LONGEST - num_bytes).to_bytes(8, "big")
    return rank + document_id.encode("utf-8", "surrogatepass")


def document_id_of(node: Node) -> str:
    return node[12:].decode("utf-8", "surrogatepass")


def forest(edges: Iterable[Edge]) -> list[Edge]:
    """The maximum spanning forest (Kruskal), most similar first."""
    sets = _DisjointSets()
    ordered = sorted(set(edges), key=lambda edge: (-edge[0], edge[1], edge[2]))
    return [edge for edge in ordered if sets.join(edge[1], edge[2])]


def edges_of_bucket(members: Iterable[Member], threshold: float) -> Iterator[Edge]:
    """Verified edges among documents that share a band; enough to connect those that are similar.

    Args:
      members: can be gone through twice, in any order; only 64 of them are held.
      threshold: least estimated similarity of an edge.

    Up to 64 members are compared pair by pair. Of a larger bucket, a sample of 64 by hash is compared
    with all, and each of the others is tied to the most similar of each group within the sample: a
    group that makes up a share f of the bucket has none of its members in the sample, and is then
    left to the other bands, with probability (1 - f)^64.
    """
    if len(list(itertools.islice(members, 2))) < 2:
        return  # Most buckets: worth the shortcut.
    leaders = _smallest(members, _MAX_LEADERS)
    matrix = _matrix(leaders)
    edges, labels = _compare_leaders(leaders, matrix, threshold)
    yield from edges
    if len(leaders) < _MAX_LEADERS:
        return
    names = {node for node, _ in leaders}
    for node, sketch in members:
        if node in names:
            continue
        similarities = signatures.similarity(matrix, np.frombuffer(sketch, np.uint8))
        for label in np.unique(labels[similarities >= threshold]):
            best = int(np.argmax(np.where(labels == label, similarities, -1.0)))
            yield _edge(float(similarities[best]), leaders[best][0], node)


def dropped(edges: Iterable[Edge]) -> Iterator[Dropped]:
    """All nodes of a forest but the smallest of each component, with what they are dropped for."""
    neighbours: dict[Node, list[tuple[Node, float]]] = {}
    for similarity, first, second in edges:
        neighbours.setdefault(first, []).append((second, similarity))
        neighbours.setdefault(second, []).append((first, similarity))
    seen: set[Node] = set()
    for kept in sorted(neighbours):
        if kept in seen:
            continue
        seen.add(kept)
        kept_id = document_id_of(kept)
        stack = [kept]
        while stack:
            node = stack.pop()
            for neighbour, similarity in neighbours[node]:
                if neighbour not in seen:
                    seen.add(neighbour)
                    stack.append(neighbour)
                    yield Dropped(document_id_of(neighbour), kept_id, document_id_of(node), similarity)


def _smallest(members: Iterable[Member], count: int) -> list[Member]:
    """A sample by hash, so that a document's rank has no influence; the same for any order."""
    return heapq.nsmallest(count, members, key=lambda member: (zlib.crc32(member[0]), member[0]))


def _matrix(members: list[Member]) -> np.ndarray:
    return np.frombuffer(b"".join(sketch for _, sketch in members), np.uint8).reshape(len(members), -1)


def _compare_leaders(
    leaders: list[Member], matrix: np.ndarray, threshold: float
) -> tuple[list[Edge], np.ndarray]:
    """The forest of some members, compared pair by pair, and the component of each as a number."""
    edges, sets = [], _DisjointSets()
    for index, (node, _) in enumerate(leaders):
        similarities = signatures.similarity(matrix[:index], matrix[index])
        for other in np.flatnonzero(similarities >= threshold):
            edges.append(_edge(float(similarities[other]), leaders[other][0], node))
            sets.join(leaders[other][0], node)
    roots = [sets.root(node) for node, _ in leaders]
    return forest(edges), np.array([roots.index(root) for root in roots])


def _edge(similarity: float, one: Node, other: Node) -> Edge:
    return (similarity, min(one, other), max(one, other))


class _DisjointSets:
    """Union-find with path halving."""

    def __init__(self) -> None:
        self._parents: dict[Node, Node] = {}

    def join(self, first: Node, second: Node) -> bool:
        """Whether the two were apart."""
        first, second = self.root(first), self.root(second)
        if first == second:
            return False
        self._parents[max(first, second)] = min(first, second)
        return True

    def root(self, node: Node) -> Node:
        parents = self._parents
        while (parent := parents.setdefault(node, node)) != node:
            parents[node] = node = parents.setdefault(parent, parent)
        return node
