"""The worked examples of the modules' docstrings, and what must hold of any curve."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.emergence_report import breakthroughness, loss_threshold, mirage, resampling
from components.emergence_report.curves import above_chance, rising
from components.emergence_report.sharpness import sharpness

SCORES = st.lists(st.floats(0.0, 1.0), min_size=2, max_size=8)


def test_the_worked_examples_of_curves() -> None:
    assert above_chance(np.array(0.75), 0.5) == 0.5
    assert rising(np.array([0.0, 0.4, 0.2, 1.0])) == pytest.approx([0.0, 0.3, 0.3, 1.0])


@given(SCORES)
def test_a_rising_curve_never_falls_and_keeps_the_mean(scores) -> None:
    curve = rising(np.array(scores))

    assert (np.diff(curve) >= -1e-12).all()
    assert curve.mean() == pytest.approx(np.mean(scores))


@given(SCORES)
def test_a_curve_that_rises_already_is_left_as_it_is(scores) -> None:
    ordered = np.sort(scores)

    assert rising(ordered) == pytest.approx(ordered)


def test_the_worked_examples_of_breakthroughness() -> None:
    leap, even = np.array([0, 0.01, 0.02, 0.03, 1.0]), np.array([0, 0.25, 0.5, 0.75, 1.0])

    assert breakthroughness.linearity(leap) == pytest.approx(2.06, abs=0.005)
    assert breakthroughness.breakthroughness(leap) == pytest.approx(100.0)
    assert breakthroughness.linearity(even) == breakthroughness.breakthroughness(even) == 4.0


def test_breakthroughness_of_a_fall_is_negative_of_a_flat_curve_zero_and_of_a_pure_step_infinite() -> None:
    assert breakthroughness.breakthroughness(np.array([1.0, 0.6, 0.5, 0.0])) < 0.0
    assert breakthroughness.linearity(np.full(4, 0.3)) == 0.0
    assert breakthroughness.breakthroughness(np.full(4, 0.3)) == 0.0
    assert breakthroughness.breakthroughness(np.array([0.0, 0.0, 0.0, 1.0])) == math.inf


@pytest.mark.parametrize(
    ("scores", "expected"), [([0, 1 / 3, 2 / 3, 1], 1 / 3), ([0, 0, 1, 1], 1.0), ([0, 0.1, 0.4, 1], 0.6)]
)
def test_the_worked_examples_of_sharpness(scores, expected) -> None:
    assert sharpness(np.arange(4.0), np.array(scores)) == pytest.approx(expected)


@given(SCORES, st.floats(0.1, 10.0))
def test_sharpness_is_a_share_whatever_the_height(scores, height) -> None:
    positions = np.arange(float(len(scores)))
    share = sharpness(positions, np.array(scores))

    assert -1e-9 <= share <= 1.0 + 1e-9
    if np.ptp(rising(np.array(scores))) > 1e-6:
        assert sharpness(positions, height * np.array(scores)) == pytest.approx(share)


def test_the_worked_example_of_p_to_the_l() -> None:
    power = mirage.power(np.array([0.5, 0.7, 0.9]), np.full(10, 4))

    assert power == pytest.approx([0.0625, 0.2401, 0.6561])


def test_p_to_the_l_is_the_mean_over_items_of_different_lengths() -> None:
    assert mirage.power(np.array([0.5]), np.array([1, 2])) == pytest.approx([(0.5 + 0.25) / 2])


def test_the_discrepancy_is_the_largest_over_the_levels() -> None:
    off = mirage.discrepancy(np.array([0.1, 0.9]), np.array([0.5, 0.9]), np.full(3, 2))

    assert off == pytest.approx(0.15)


def test_the_worked_example_of_the_threshold_of_the_loss() -> None:
    found = loss_threshold.find(np.array([2.0, 1.8, 1.6, 1.4, 1.2]), np.array([0, 0, 0, 0.2, 0.4]))

    assert found is not None
    assert (found.loss, found.slope) == (pytest.approx(1.6), pytest.approx(1.0))
    assert (found.last_at_chance, found.first_above) == (1.6, 1.4)
    assert found.error < 1e-9


def test_without_a_rung_on_each_side_there_is_no_threshold() -> None:
    losses = np.array([2.0, 1.5, 1.0])

    assert loss_threshold.find(losses, np.zeros(3)) is None
    assert loss_threshold.find(losses, np.array([0.5, 0.6, 0.7])) is None


def test_the_interval_of_a_mean_covers_the_truth_about_as_often_as_it_says(make_curve) -> None:
    covered = 0
    for seed in range(100):
        curve = make_curve([0.3], tokens=1, items=150, seeds=1, jitter=0.0, seed=seed)
        low, high = resampling.interval(resampling.resample(curve, 400).sharp[:, 0], 150)
        covered += low <= 0.3 <= high

    assert 88 <= covered <= 100


def test_items_that_are_all_wrong_have_an_interval_too() -> None:
    assert resampling.interval(np.zeros(50), 100) == (0.0, pytest.approx(0.0251, abs=1e-4))
    assert resampling.interval(np.ones(50), 100) == (pytest.approx(0.9749, abs=1e-4), 1.0)


def test_more_seeds_that_differ_widen_the_interval(make_curve) -> None:
    together = make_curve([0.5, 0.5], tokens=1, seeds=3, jitter=0.0)
    apart = make_curve([0.5, 0.5], tokens=1, seeds=3, jitter=0.2, seed=4)

    def width(curve) -> float:
        low, high = resampling.interval(resampling.resample(curve, 400).sharp[:, 0], curve.num_items)
        return high - low

    assert width(apart) > 1.5 * width(together)
