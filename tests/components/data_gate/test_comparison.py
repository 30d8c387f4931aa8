from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from components.data_gate import comparison
from components.data_gate.comparison import Bounds

StatisticsOf = Callable[..., Any]
BOUNDS = Bounds(max_category_shift=0.1, max_divergence=0.1)


def test_the_worked_example(statistics_of: StatisticsOf) -> None:
    before = statistics_of(["en", "en", "en", "fr"], [5] * 4)
    now = statistics_of(["en", "fr", "fr", "fr"], [5] * 4)

    [shift] = comparison.shifts(before, now, BOUNDS)

    assert (shift.feature, shift.distance) == ("language", pytest.approx(0.5))
    assert str(shift) == (
        "language: 'en' was 75.0% of the documents and is 25.0% (distance 0.5, at most 0.1 allowed)"
    )


def test_a_value_never_seen_before_is_named(statistics_of: StatisticsOf) -> None:
    before = statistics_of(["en"] * 10, [5] * 10)
    now = statistics_of(["en"] * 6 + ["fr"] * 2 + ["de"] * 2, [5] * 10)

    [shift] = comparison.shifts(before, now, BOUNDS)

    assert shift.detail == "'en' was 100.0% of the documents and is 60.0%"


def test_numbers_that_moved_are_told_by_median_and_mean(statistics_of: StatisticsOf) -> None:
    before = statistics_of(["en"] * 100, range(100, 200))
    now = statistics_of(["en"] * 100, range(1000, 1100))

    [shift] = comparison.shifts(before, now, BOUNDS)

    assert shift.feature == "num_words"
    assert shift.distance > 0.9
    assert shift.detail == "its median was 150 and is 1050, its mean was 149.5 and is 1050"


def test_the_same_documents_have_not_shifted(statistics_of: StatisticsOf) -> None:
    same = [statistics_of(["en", "fr"] * 50, range(100)) for _ in range(2)]

    assert comparison.shifts(*same, Bounds(1e-6, 1e-6)) == []


def test_what_is_ignored_or_new_is_not_compared(statistics_of: StatisticsOf) -> None:
    before = statistics_of(["en"] * 10, [5] * 10)
    now = statistics_of(["fr"] * 10, [5] * 10)

    assert comparison.shifts(before, now, BOUNDS, ignore=["language"]) == []
    before.datasets[0].features[0].path.step[0] = "speech"
    assert comparison.shifts(before, now, BOUNDS) == []


def test_a_shift_within_its_bound_is_none(statistics_of: StatisticsOf) -> None:
    before = statistics_of(["en"] * 95 + ["fr"] * 5, [5] * 100)
    now = statistics_of(["en"] * 88 + ["fr"] * 12, [5] * 100)

    assert comparison.shifts(before, now, BOUNDS) == []
    [shift] = comparison.shifts(before, now, Bounds(0.06, 0.1))
    assert shift.distance == pytest.approx(0.07)
