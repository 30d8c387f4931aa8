from __future__ import annotations

import numpy as np
import pytest

from components.emergence_report.verdict import decide

THRESHOLD = [0.3, 0.3, 0.31, 0.99, 0.99]
EVEN = [0.05, 0.28, 0.5, 0.73, 0.95]
GUESS = [0.5] * 5
NEVER = [0.3] * 5


def test_a_threshold_in_exact_match_and_partial_credit_alike_is_emergent(make_curve) -> None:
    verdict = decide(make_curve(THRESHOLD))

    assert verdict.kind == "emergent"
    assert verdict.agreement == 1.0
    assert "3 rungs are within a fifth of a guess" in verdict.reason


def test_a_jump_that_p_to_the_l_makes_of_an_even_rise_is_a_mirage(make_curve) -> None:
    verdict = decide(make_curve([0.2, 0.4, 0.6, 0.8, 0.99], tokens=8))

    assert verdict.kind == "metric mirage"
    assert "exact match is p^L of that within" in verdict.reason


def test_a_jump_that_neither_partial_credit_nor_p_to_the_l_explains_is_undecided(make_curve) -> None:
    curve = make_curve(THRESHOLD)
    for level, share in zip(curve.levels, [0.5, 0.62, 0.74, 0.86, 0.98], strict=True):
        level.smooth[:] = share  # Even, and to the fourth power 0.55 where exact match is 0.96.

    verdict = decide(curve)

    assert verdict.kind == "undecided"
    assert "so neither explains it" in verdict.reason


def test_a_jump_in_which_partial_credit_has_no_part_is_not_emergent(make_curve) -> None:
    curve = make_curve(THRESHOLD)
    for level in curve.levels:
        level.smooth[:] = 0.6

    verdict = decide(curve)

    assert verdict.kind == "undecided"
    assert "with partial credit only 0 %" in verdict.reason


def test_an_even_rise_is_smooth(make_curve) -> None:
    assert decide(make_curve(EVEN, tokens=1)).kind == "smooth"


def test_chance_throughout_is_not_learned(make_curve) -> None:
    assert decide(make_curve(GUESS, tokens=1, chance=0.5, items=400)).kind == "not learned"
    assert decide(make_curve(NEVER)).kind == "not learned"


@pytest.mark.parametrize(
    ("told", "options"),
    [
        ("3 sizes", {"probabilities": [0.3, 0.3, 0.99]}),
        ("40 items", {"probabilities": THRESHOLD, "items": 40}),
        ("3.2 times the compute", {"probabilities": THRESHOLD, "decades": 0.5}),
        ("1 of the rungs lie before it", {"probabilities": [0.3, 0.99, 0.99, 0.99, 0.99]}),
        ("a single model has it", {"probabilities": [0.3, 0.3, 0.3, 0.3, 0.99], "seeds": 1}),
        ("a larger model loses it again", {"probabilities": [0.3, 0.3, 0.99, 0.99, 0.75]}),
        ("neither there nor not", {"probabilities": [0.3, 0.3, 0.3, 0.75, 0.77]}),
        ("smaller rungs would show", {"probabilities": [0.9, 0.97, 0.98, 0.99, 0.99]}),
    ],
)
def test_too_little_to_go_by_is_undecided_and_the_reason_says_what_is_missing(
    make_curve, told, options
) -> None:
    verdict = decide(make_curve(**options))

    assert verdict.kind == "undecided"
    assert told in verdict.reason


def test_a_single_seed_is_told(make_curve) -> None:
    assert "One seed a rung" in decide(make_curve(THRESHOLD, seeds=1)).reason
    assert "One seed a rung" not in decide(make_curve(THRESHOLD, seeds=2)).reason


def test_seeds_that_disagree_leave_it_undecided(make_curve) -> None:
    curve = make_curve(THRESHOLD, seeds=2, jitter=0.0)
    torn = [level.sharp.copy() for level in curve.levels]
    for level, sharp in zip(curve.levels, torn, strict=True):
        level.sharp[1] = sharp[1] if level.compute < 1e11 else 0.0

    verdict = decide(curve)

    assert verdict.kind == "undecided"


NULLS = {
    "nothing, of two choices": {"probabilities": GUESS, "tokens": 1, "chance": 0.5},
    "nothing, of many tokens": {"probabilities": NEVER},
    "an even rise, seeds 0.1 apart": {"probabilities": EVEN, "tokens": 1, "jitter": 0.1},
    "p^L, seeds 0.05 apart": {"probabilities": [0.2, 0.4, 0.6, 0.8, 0.99], "tokens": 6, "jitter": 0.05},
}


@pytest.mark.parametrize("null", NULLS)
def test_what_is_not_emergent_is_called_so_in_at_most_one_of_fifty_ladders(make_curve, null) -> None:
    kinds = [decide(make_curve(**NULLS[null], seed=seed)).kind for seed in range(50)]

    assert kinds.count("emergent") <= 1


def test_what_is_emergent_is_found_in_most_ladders(make_curve) -> None:
    kinds = [decide(make_curve(THRESHOLD, seed=seed)).kind for seed in range(30)]

    assert kinds.count("emergent") >= 27


def test_the_verdict_does_not_depend_on_the_order_of_the_items(make_curve) -> None:
    curve = make_curve(THRESHOLD)
    order = np.random.default_rng(1).permutation(curve.num_items)
    before = decide(curve).kind
    for level in curve.levels:
        level.sharp[:] = level.sharp[:, order]
        level.smooth[:] = level.smooth[:, order]

    assert decide(curve).kind == before
