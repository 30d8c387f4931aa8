"""The verdict on a task: emergent, smooth, a metric's mirage, not learned, or undecided.

Wei et al. (arXiv 2206.07682, section 2) call an ability emergent that smaller models do not have and larger
ones do. What is asked here, of a task along the ladder of one family:

    has the largest model learnt it?   half of what there is above a guess, or more      else not learned
    does the score jump?               70 % of the rise within a third of the decades    else smooth
    was there nothing before?          two rungs or more within a fifth of a guess       else undecided
    does the jump stay?                two models or more above it, all by half          else undecided
    does partial credit jump too?      by the same 70 %                                  then emergent
    does p^L explain the jump?         within 0.1 at every rung                          then metric mirage
                                                                                         else undecided

Every one of these has a bound, and scores have noise. So the questions are asked of the measured curve and
of 1,000 resamples of its items and seeds, and where fewer than 90 % of these answer alike, the
verdict is *undecided*. It is undecided, too, with fewer than four sizes, 50 items, or one decade of compute.

How often noise alone is called emergent is measured in `tests/components/emergence_report/test_verdict.py`.
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from typing import Literal

import numpy as np

from components.emergence_report import mirage
from components.emergence_report.curves import Curve, above_chance, rising
from components.emergence_report.resampling import RESAMPLES, Resampled, resample
from components.emergence_report.sharpness import sharpness

Kind = Literal["emergent", "smooth", "metric mirage", "not learned", "undecided"]

LEAST_LEVELS, LEAST_ITEMS, LEAST_DECADES = 4, 50, 1.0
AGREEMENT = 0.9
"""Of the resamples."""
LEARNT, ABSENT = 0.5, 0.2
"""Adjusted for guessing: from where on a task is learnt, and below which nothing is there yet."""
JUMP = 0.7
"""Of the rise, within the steepest third of the range."""
_LEAST_RISE = 0.1
"""Of the metric with partial credit, before the shape of its curve means anything."""


@dataclasses.dataclass(frozen=True)
class Verdict:
    """What is concluded of a task, and why."""

    kind: Kind
    reason: str
    """A sentence or two, with the figures."""
    agreement: float | None
    """Share of the resamples that gave the same answer; None where none were drawn."""


@dataclasses.dataclass(frozen=True)
class _Answer:
    kind: Kind
    why: str


def decide(curve: Curve, resampled: Resampled | None = None) -> Verdict:
    """The verdict; ``resampled`` where the resamples are at hand already."""
    thin = _too_thin(curve)
    if thin:
        return Verdict("undecided", thin, None)
    resampled = resampled or resample(curve)
    answer = _answer(curve, curve.sharp, curve.smooth)
    kinds = Counter(
        _answer(curve, sharp, smooth).kind
        for sharp, smooth in zip(resampled.sharp, resampled.smooth, strict=True)
    )
    total = sum(kinds.values())
    agreement = kinds[answer.kind] / total
    if answer.kind != "undecided" and agreement < AGREEMENT:
        shares = ", ".join(f"{kind} {count / total:.0%}" for kind, count in kinds.most_common())
        why = f"The measured curve looks {answer.kind}, but resamples disagree: {shares}."
        return Verdict("undecided", f"{why} More items or seeds would tell.", agreement)
    return Verdict(answer.kind, f"{answer.why}{_seeds(curve)}", agreement)


def _too_thin(curve: Curve) -> str:
    levels = len(curve.levels)
    if levels < LEAST_LEVELS:
        return f"Too thin: {levels} sizes, and a jump cannot be told from a rise with fewer than {LEAST_LEVELS}."
    if curve.num_items < LEAST_ITEMS:
        return f"Too thin: {curve.num_items} items, at least {LEAST_ITEMS} are needed."
    decades = float(curve.log_compute[-1] - curve.log_compute[0])
    if decades < LEAST_DECADES:
        return f"Too thin: the ladder spans {10**decades:.1f} times the compute, at least 10 times is needed."
    return ""


def _answer(curve: Curve, sharp: np.ndarray, smooth: np.ndarray) -> _Answer:
    """What the scores say if they are taken as exact; arrays ``(levels,)``."""
    adjusted = above_chance(sharp, curve.chance)
    level = rising(adjusted)
    best = float(level[-1])
    if best < ABSENT:
        return _Answer("not learned", f"The largest models are at {_percent(best)} above a guess.")
    if best < LEARNT:
        return _Answer(
            "undecided", f"The largest models are at {_percent(best)} above a guess: neither there nor absent."
        )
    if level[0] >= LEARNT:
        return _Answer("undecided", "The smallest model can do it already: smaller rungs would show how it began.")
    jump = sharpness(curve.log_compute, adjusted)
    if jump < JUMP:
        return _Answer("smooth", f"Of the rise, {_percent(jump)} falls into the steepest third of the range.")
    return _of_a_jump(curve, adjusted, sharp, smooth, jump)


def _of_a_jump(
    curve: Curve, adjusted: np.ndarray, sharp: np.ndarray, smooth: np.ndarray, jump: float
) -> _Answer:
    level = rising(adjusted)
    before = int((level < ABSENT).sum())
    there = [index for index in range(len(level)) if level[index] >= LEARNT]
    told = f"{_percent(jump)} of the rise falls into a third of the range"
    if before < 2:
        return _Answer("undecided", f"{told}, but only {before} of the rungs lie before it: add smaller ones.")
    models = sum(len(curve.levels[index].sharp) for index in there)
    if models < 2:
        return _Answer("undecided", f"{told}, but a single model has it: add a seed or a larger rung.")
    if min(adjusted[index] for index in there) < LEARNT:
        return _Answer("undecided", f"{told}, but a larger model loses it again.")
    rise = float(np.ptp(smooth))
    partial = sharpness(curve.log_compute, smooth) if rise >= _LEAST_RISE else 0.0
    if partial >= JUMP:
        return _Answer(
            "emergent",
            f"{before} rungs are within a fifth of a guess, then {told}, "
            f"and so does {_percent(partial)} of the rise with partial credit: no metric makes this jump.",
        )
    off = float(mirage.discrepancy(sharp, smooth, curve.target_tokens))
    shown = f"{told}, but with partial credit only {_percent(partial)}"
    if off <= mirage.TOLERANCE:
        return _Answer("metric mirage", f"{shown}; exact match is p^L of it within {off:.2f} at every rung.")
    return _Answer("undecided", f"{shown}; exact match is up to {off:.2f} off p^L, so the metric is not all of it.")


def _seeds(curve: Curve) -> str:
    return "" if curve.least_seeds > 1 else " One seed a rung: how much training varies was not measured."


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"
