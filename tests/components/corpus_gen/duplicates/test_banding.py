import numpy as np
import pytest

from components.corpus_gen.duplicates import banding
from components.corpus_gen.duplicates.settings import DuplicatesConfig


def test_the_worked_example():
    cut = banding.choose(DuplicatesConfig(near_threshold=0.8, near_recall=0.99, num_hashes=128))
    assert cut == (21, 6)
    found = [round(cut.probability(similarity), 3) for similarity in (0.3, 0.5, 0.6, 0.7, 0.8, 0.9)]
    assert found == [0.015, 0.282, 0.633, 0.928, 0.998, 1.0]
    assert banding.Banding(18, 7).probability(0.8) == pytest.approx(0.986, abs=5e-4)


@pytest.mark.parametrize("threshold", [0.3, 0.5, 0.7, 0.8, 0.95, 1.0])
@pytest.mark.parametrize("num_hashes", [16, 100, 128, 256])
def test_a_pair_at_the_threshold_is_found_with_the_probability_asked_for(threshold, num_hashes):
    settings = DuplicatesConfig(near_threshold=threshold, num_hashes=num_hashes)
    cut = banding.choose(settings)
    assert cut.probability(threshold) >= settings.near_recall
    assert cut.bands * cut.rows <= num_hashes


def test_signatures_share_the_keys_of_the_bands_in_which_they_agree():
    first = np.arange(12, dtype=np.uint32)
    second = first.copy()
    second[5] += 1
    keys = [banding.keys(signature, banding.Banding(4, 3)) for signature in (first, second)]
    assert [one == other for one, other in zip(*keys, strict=True)] == [True, False, True, True]


def test_equal_rows_in_two_bands_give_two_keys():
    assert len(set(banding.keys(np.zeros(12, np.uint32), banding.Banding(4, 3)))) == 4


def test_the_curve_is_what_random_signatures_show():
    random, cut, similarity = np.random.default_rng(3), banding.Banding(8, 4), 0.6
    shared = 0
    for _ in range(2000):
        first, second = random.integers(0, 2**32, (2, 32), np.uint32)
        second = np.where(random.random(32) < similarity, first, second)
        shared += bool(set(banding.keys(first, cut)) & set(banding.keys(second, cut)))
    assert shared / 2000 == pytest.approx(cut.probability(similarity), abs=0.04)
