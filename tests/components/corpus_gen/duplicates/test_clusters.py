import itertools
import random

import numpy as np
import pytest

from components.corpus_gen.duplicates import clusters

A, B, C, D = (clusters.make_node(0, 5, name) for name in "abcd")
EDGES = [(0.9, A, B), (0.8, B, C), (0.85, A, C), (0.9, C, D)]


def test_the_worked_example():
    forest = clusters.forest(EDGES)
    assert forest == [(0.9, A, B), (0.9, C, D), (0.85, A, C)]
    assert sorted(clusters.dropped(forest)) == [
        ("b", "a", "a", 0.9),
        ("c", "a", "a", 0.85),
        ("d", "a", "c", 0.9),
    ]


def test_the_kept_document_is_of_the_first_source_then_the_longest_then_the_smallest_id():
    ranked = [(0, 9, "z"), (0, 8, "a"), (0, 8, "b"), (1, 99, "a")]
    nodes = [clusters.make_node(*rank) for rank in ranked]
    assert nodes == sorted(nodes)
    assert [clusters.document_id_of(node) for node in nodes] == ["z", "a", "b", "a"]


def test_a_forest_may_be_made_in_parts_and_any_order():
    source = random.Random(5)
    nodes = [clusters.make_node(0, 1, f"{number:02}") for number in range(20)]
    edges = [(source.choice((0.8, 0.9)), *pair) for pair in itertools.combinations(nodes, 2)]
    edges = source.sample(edges, 40)
    whole = clusters.forest(edges)
    for _ in range(20):
        source.shuffle(edges)
        parts = [clusters.forest(edges[start::3]) for start in range(3)]
        assert clusters.forest(itertools.chain(*parts)) == whole


def test_one_document_of_each_component_is_kept():
    other = clusters.make_node(0, 5, "x"), clusters.make_node(0, 5, "y")
    dropped = list(clusters.dropped(clusters.forest([*EDGES, (0.7, *other)])))
    assert {(one.document_id, one.kept_id) for one in dropped} == {
        ("b", "a"),
        ("c", "a"),
        ("d", "a"),
        ("y", "x"),
    }


def members(count, groups, length=64):
    """``groups`` unrelated sketches, each with the same share of ``count`` members."""
    sketches = np.random.default_rng(2).integers(0, 256, (groups, length), np.uint8)
    return [
        (clusters.make_node(0, 5, f"{number:06}"), sketches[number % groups].tobytes())
        for number in range(count)
    ]


def test_a_chance_meeting_in_a_bucket_gives_no_edge():
    assert list(clusters.edges_of_bucket(members(10, groups=10), 0.5)) == []


@pytest.mark.parametrize("count", [2, 63, 64, 65, 5000])
def test_a_bucket_of_copies_becomes_one_cluster(count):
    edges = list(clusters.edges_of_bucket(members(count, groups=1), 0.8))
    assert len(clusters.forest(edges)) == count - 1
    assert len(edges) < 2 * count


def test_a_large_bucket_gives_the_same_edges_in_any_order():
    found = members(5000, groups=3)
    forests = []
    for _ in range(2):
        forests.append(clusters.forest(clusters.edges_of_bucket(found, 0.8)))
        random.Random(1).shuffle(found)
    assert forests[0] == forests[1]
    assert len(forests[0]) == 5000 - 3


def test_a_large_bucket_is_gone_through_and_not_held():
    class Streamed:
        """Makes its members anew each time, and knows how many are alive."""

        alive = most = 0

        def __iter__(self):
            for number in range(2_000):
                yield Member((clusters.make_node(0, 5, f"{number:06}"), b"\1" * 64))

    class Member(tuple):
        def __new__(cls, pair):
            Streamed.alive += 1
            Streamed.most = max(Streamed.most, Streamed.alive)
            return super().__new__(cls, pair)

        def __del__(self):
            Streamed.alive -= 1

    num_edges = sum(1 for _ in clusters.edges_of_bucket(Streamed(), 0.8))
    assert num_edges >= 2_000 - 1
    assert Streamed.most < 200
