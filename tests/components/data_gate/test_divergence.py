from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from components.data_gate.divergence import divergence

QUANTILES = st.lists(st.floats(-1e9, 1e9), min_size=11, max_size=11).map(sorted)


def deciles(values: np.ndarray) -> list[float]:
    return list(np.quantile(values, np.linspace(0, 1, 11)))


def lengths(median: float, size: int = 1000, seed: int = 0) -> np.ndarray:
    return np.round(median * np.random.default_rng(seed).lognormal(sigma=1, size=size))


def test_the_worked_example() -> None:
    assert divergence([1, 2, 4, 8, 16], [1, 2, 4, 8, 1000]) == 0
    assert divergence([1, 2, 4, 8, 16], [4, 8, 16, 32, 64]) == pytest.approx(0.5)


def test_the_longest_document_says_no_more_than_any_other() -> None:
    """By bins of equal width, these are 0.8 bits apart."""
    before, now = lengths(100), lengths(100)
    now[0] = 1e6

    assert divergence(deciles(before), deciles(now)) < 0.01


def test_a_shift_shows_where_one_document_is_far_longer_than_all_others() -> None:
    """By bins of equal width, nearly all are in the first one, before and after."""
    before, now = lengths(100), lengths(1000)
    before[0] = now[0] = 1e6

    assert divergence(deciles(before), deciles(now)) > 0.5


@pytest.mark.parametrize("values", [lengths(100, 200_000), np.round(lengths(2, 200_000) / 2)])
def test_two_hundred_documents_do_not_differ_by_chance_as_much_as_is_allowed(values: np.ndarray) -> None:
    for part in range(100):
        sample = values[200 * part : 200 * part + 200]
        other = values[100_000 + 200 * part : 100_000 + 200 * part + 200]
        assert divergence(deciles(sample), deciles(other)) < 0.1


@given(QUANTILES, QUANTILES)
@example([0.0] * 11, [-1e9, -999999999.9999999, *[0.0] * 9])
def test_it_is_symmetric_and_between_nothing_and_one_bit(before: list[float], now: list[float]) -> None:
    assert divergence(before, now) == pytest.approx(divergence(now, before), abs=1e-9)
    assert -1e-9 <= divergence(before, now) <= 1 + 1e-9
    assert divergence(before, before) == pytest.approx(0, abs=1e-9)


def test_distributions_without_overlap_are_one_bit_apart() -> None:
    assert divergence([1, 2, 3], [4, 5, 6]) == 1
    assert divergence([4, 4, 4], [3, 3, 3]) == 1
    assert divergence([4, 4, 4], [4, 4, 4]) == 0
