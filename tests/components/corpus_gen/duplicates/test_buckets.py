"""What is compared with what, on records made by hand."""

import random

import numpy as np
import pytest

from components.corpus_gen.duplicates import buckets, clusters, fingerprints
from components.corpus_gen.duplicates.fingerprints import COPY, Fingerprint, Fingerprints, Place
from components.corpus_gen.duplicates.settings import DuplicatesConfig

SETTINGS = DuplicatesConfig(num_hashes=64)


def node(number):
    return fingerprints.make_node(0, 5, Place(0, number, 0))


def text_hash(number):
    return random.Random(number).randbytes(16)


def cut(records, size):
    return (records[start : start + size] for start in range(0, len(records), size))


def bands(members, key=b"k" * 8):
    """One record a member, ``(number, hash of the text, sketch)``, all in one band."""
    found = [
        Fingerprint(text, node(number), key * Fingerprints(SETTINGS)._banding.bands, sketch)
        for number, text, sketch in members
    ]
    return np.unique(Fingerprints(SETTINGS).bands(found))


def members(count, groups):
    """``groups`` unrelated sketches, each with the same share of ``count`` members."""
    sketches = np.random.default_rng(2).integers(0, 256, (groups, 64), np.uint8)
    return [(number, text_hash(number), sketches[number % groups].tobytes()) for number in range(count)]


def compared(records, size=1000, threshold=0.8, join_copies=True):
    """The edges, and the clusters that they make."""
    found = list(buckets.Comparison(64, threshold, join_copies).edges(cut(records, size)))
    edges = np.unique(np.concatenate(found)) if found else np.empty(0, clusters.RECORD)
    return edges, list(clusters.dropped(lambda: iter([edges]) if len(edges) else iter(())))


@pytest.mark.parametrize("size", [1, 2, 3, 100])
def test_of_copies_the_first_is_kept_however_the_records_are_cut(size):
    texts = {1: "ab", 2: "a", 3: "b", 4: "b", 5: "b", 6: "c", 256: "a"}
    found = [Fingerprint(text.encode() * 8, node(number), b"", b"") for number, text in texts.items()]
    found = [one._replace(text_hash=one.text_hash.ljust(16, b"\0")) for one in found]
    records = Fingerprints.copies(found)
    assert records.itemsize == COPY.itemsize
    assert set(buckets.copies(cut(records, size))) == {
        (node(256), node(2)),
        (node(4), node(3)),
        (node(5), node(3)),
    }


def test_a_chance_meeting_in_a_bucket_gives_no_edge():
    assert len(compared(bands(members(10, groups=10)), threshold=0.5)[0]) == 0


def test_what_is_alone_in_its_band_is_compared_with_nothing():
    first, second = (bands(members(1, 1), key) for key in (b"k" * 8, b"l" * 8))
    assert len(compared(np.concatenate([first, second]))[0]) == 0


@pytest.mark.parametrize("count", [2, 63, 64, 65, 5000])
def test_a_bucket_of_near_copies_becomes_one_cluster(count):
    edges, dropped = compared(bands(members(count, groups=1)))
    assert len(dropped) == count - 1
    assert len(edges) < 2 * count


@pytest.mark.parametrize("groups", [1, 3])
@pytest.mark.parametrize("count", [30, 300])
def test_a_bucket_gives_the_same_edges_however_its_records_are_cut(monkeypatch, groups, count):
    monkeypatch.setattr(buckets, "_MANY", 100)
    records = bands([*members(count, groups), *(members(count, groups))[: count // 2]])
    copied = bands([(number + 1000, *rest) for number, *rest in members(count, groups)][::2])
    records = np.sort(np.concatenate([records, copied]))
    expected, dropped = compared(records, 10_000)
    assert len(dropped) == count + count // 2 - groups
    for size in (1, 7, 99, 150):
        np.testing.assert_array_equal(compared(records, size)[0], expected)


def test_copies_within_a_bucket_are_tied_to_the_first_or_no_longer_considered():
    found = [(1, text_hash(1), b"a" * 64), (2, text_hash(1), b"a" * 64), (3, text_hash(3), b"a" * 64)]
    assert {one.node for one in compared(bands(found))[1]} == {node(2), node(3)}
    assert {one.node for one in compared(bands(found), join_copies=False)[1]} == {node(3)}


def test_a_large_bucket_is_gone_through_and_not_held(monkeypatch):
    monkeypatch.setattr(buckets, "_MANY", 200)
    sizes = []
    compare = buckets.Comparison._compare_bucket
    monkeypatch.setattr(
        buckets.Comparison, "_compare_bucket", lambda self, one: sizes.append(len(one)) or compare(self, one)
    )
    _, dropped = compared(bands(members(2_000, groups=2)), size=50)
    assert len(dropped) == 2_000 - 2
    assert len(sizes) > 5
    assert max(sizes) < 300
