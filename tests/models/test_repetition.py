import math

import pytest

from models.repetition import distinct, repeated_share


def test_the_documented_example_gives_the_documented_numbers():
    assert repeated_share(["a", "b", "a", "b", "a", "b"], n=2) == pytest.approx(3 / 5)
    assert distinct([["a", "b", "a", "b", "a", "b"], ["c", "d"]], n=2) == pytest.approx(0.375)


def test_a_text_of_different_tokens_repeats_nothing_and_a_loop_nearly_all():
    assert repeated_share(list(range(50))) == 0.0
    assert repeated_share([1, 2] * 50) == pytest.approx(1 - 2 / 97)


def test_distinct_counts_what_two_texts_share_once():
    assert distinct([[1, 2, 3], [1, 2, 3]], n=1) == 0.5
    assert distinct([[1, 2, 3]], n=1) == 1.0
    assert distinct([[1, 2, 3]], n=3) == pytest.approx(1 / 3)


def test_too_short_a_text_has_no_share():
    assert math.isnan(repeated_share([1, 2, 3], n=4))
    assert math.isnan(distinct([], n=1))
