import itertools
import random

import numpy as np
import pytest

from components.corpus_gen.duplicates import clusters, fingerprints
from components.corpus_gen.duplicates.fingerprints import Place


def node(name):
    return fingerprints.make_node(0, 5, Place(0, name, 256))


A, B, C, D = map(node, range(4))
# Of 100 hashes, 10 differ where the similarity is 0.9.
EDGES = [(10, A, B), (20, B, C), (15, A, C), (10, C, D)]


def records(edges):
    unequal, ones, others = zip(*edges, strict=True)
    nodes = [np.array(side, np.dtype(f"V{fingerprints.NODE_BYTES}")) for side in (ones, others)]
    return clusters.edges(np.array(unequal), *nodes)


def dropped(edges, size=3):
    found = np.sort(records(edges))
    return list(
        clusters.dropped(lambda: (found[start : start + size] for start in range(0, len(found), size)))
    )


def test_the_worked_example():
    assert sorted(dropped(EDGES)) == [(B, A, A, 10), (C, A, A, 15), (D, A, C, 10)]


def test_the_kept_document_is_of_the_first_source_then_the_longest_then_the_first_by_place():
    ranked = [(0, 9, (0, 7, 7)), (0, 8, (0, 3, 9)), (0, 8, (1, 3, 10)), (0, 8, (0, 4, 1)), (1, 99, (0, 0, 0))]
    nodes = [fingerprints.make_node(source, size, Place(*place)) for source, size, place in ranked]
    assert nodes == sorted(nodes)
    assert [fingerprints.place_of(one) for one in nodes] == [place for _, _, place in ranked]


def test_what_is_dropped_and_for_what_depends_on_no_order_and_on_no_edge_that_is_there_twice():
    source = random.Random(5)
    nodes = [node(number) for number in range(20)]
    edges = [(source.choice((10, 20)), *pair) for pair in itertools.combinations(nodes, 2)]
    edges = source.sample(edges, 40)
    whole = dropped(edges, size=1000)
    for size in (1, 7, 64):
        mixed = [(unequal, *source.sample(pair, 2)) for unequal, *pair in source.sample(edges * 2, 80)]
        assert dropped(mixed, size) == whole


def test_one_document_of_each_component_is_kept():
    found = dropped([*EDGES, (30, node(8), node(9))])
    assert {(one.node, one.kept) for one in found} == {(B, A), (C, A), (D, A), (node(9), node(8))}


def test_without_edges_nothing_is_dropped():
    assert list(clusters.dropped(lambda: iter(()))) == []


def test_a_few_documents_are_connected_by_their_most_similar_pairs():
    unequal = np.full((4, 4), -1)
    for difference, one, other in [(10, 0, 1), (20, 1, 2), (15, 0, 2), (10, 2, 3)]:
        unequal[one, other] = unequal[other, one] = difference
    assert clusters.forest(unequal) == [(0, 1), (2, 3), (0, 2)]


@pytest.mark.parametrize("count", [1, 2, 500])
def test_a_chain_is_one_cluster(count):
    nodes = [node(number) for number in range(count + 1)]
    edges = [(10, *pair) for pair in itertools.pairwise(nodes)]
    assert {one.node for one in dropped(edges)} == set(nodes[1:])
    assert {one.kept for one in dropped(edges)} == {nodes[0]}
