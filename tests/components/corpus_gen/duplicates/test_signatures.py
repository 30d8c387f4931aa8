import numpy as np
import pytest

from components.corpus_gen.duplicates import signatures
from components.corpus_gen.duplicates.settings import DuplicatesConfig

WORDS = DuplicatesConfig(shingle_length=2)


def jaccard(first, second):
    first, second = set(first.tolist()), set(second.tolist())
    return len(first & second) / len(first | second)


def test_the_worked_example_of_similarity():
    first, second = (signatures.shingles(text, WORDS) for text in ("a b c d", "a b c e"))
    assert (len(first), len(second), jaccard(first, second)) == (3, 3, 0.5)


def test_chinese_text_has_shingles_of_characters():
    first, second = (signatures.shingles(text, WORDS) for text in ("话说天下", "话说天上"))
    assert (len(first), jaccard(first, second)) == (3, 0.5)


def test_shingles_of_characters_see_through_spelling():
    old, new = "Loue is not loue which alters", "Love is not love which alters"
    by = {
        unit: jaccard(*(signatures.shingles(text, settings) for text in (old, new)))
        for unit, settings in (
            ("words", WORDS),
            ("characters", DuplicatesConfig(shingle_unit="characters", shingle_length=5)),
        )
    }
    assert by["words"] == 2 / 8
    assert by["characters"] > by["words"]


def test_a_signature_depends_on_the_set_of_shingles_alone():
    hashes = np.arange(1, 200, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    np.testing.assert_array_equal(signatures.sign(hashes, 64), signatures.sign(hashes[::-1].copy(), 64))


@pytest.mark.parametrize("shared", [0, 50, 100, 160, 200])
def test_the_estimate_is_near_the_true_similarity(shared):
    random = np.random.default_rng(7)
    union = 400 - shared
    errors = []
    for _ in range(50):
        hashes = random.integers(0, 2**64, union, np.uint64)
        first, second = (signatures.sign(part, 128) for part in (hashes[:200], hashes[union - 200 :]))
        sketches = (np.frombuffer(signatures.sketch(one), np.uint8) for one in (first, second))
        unequal = np.not_equal(*sketches).sum()
        errors.append(signatures.similarity(unequal, 128) - shared / union)
    assert abs(np.mean(errors)) < 0.02
    assert np.std(errors) < 0.06


@pytest.mark.parametrize("threshold", [0.3, 0.5, 0.8, 0.999, 1.0])
def test_the_most_places_in_which_similar_sketches_differ(threshold):
    most = signatures.most_unequal(128, threshold)
    assert signatures.similarity(most, 128) >= threshold > signatures.similarity(most + 1, 128)
