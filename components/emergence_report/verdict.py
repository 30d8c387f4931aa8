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
from typing import Any, Literal, NamedTuple

import numpy as np

from components.emergence_report import mirage
from components.emergence_report.curves import Curve, above_chance, rising
from components.emergence_report.resampling import Resampled, resample
from components.emergence_report.sharpness import sharpness

Kind = Literal["emergent", "smooth", "metric mirage", "not learned", "undecided"]

LEAST_LEVELS, LEAST_ITEMS, LEAST_DECADES = 4, 50, 1.0
AGREEMENT = 0.9
"""Of the resamples."""
LEARNT, ABSENT = 0.5, 0.2
"""Adjusted for guessing: from where on a task is learnt, and below which nothing is there yet."""
JUMP = 0.7
"""Of the rise, within the steepest third of the range."""
ONE_SEED = " One seed a rung: how much training varies was not measured."
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


class _Figures(NamedTuple):
    """Of one curve, or of many: what the questions are asked of."""

    first: Any
    """The smallest models' score, adjusted for guessing, on the curve that never falls."""
    best: Any
    jump: Any
    """Share of the rise in the steepest third."""
    before: Any
    """How many rungs have nothing yet."""
    models: Any
    """How many models have learnt it, by that curve."""
    least: Any
    """The lowest measured score of the rungs that have."""
    partial: Any
    """As ``jump``, with partial credit; 0 where that does not rise."""
    off: Any
    """The largest difference of exact match from p^L."""


def decide(curve: Curve, resampled: Resampled | None = None) -> Verdict:
    """The verdict; ``resampled`` where the resamples are at hand already."""
    thin = _too_thin(curve)
    if thin:
        return Verdict("undecided", thin, None)
    resampled = resampled or resample(curve)
    answer = _answer(_figures(curve, curve.sharp, curve.smooth))
    columns = (column.tolist() for column in _figures(curve, resampled.sharp, resampled.smooth))
    kinds = Counter(_answer(_Figures(*row)).kind for row in zip(*columns, strict=True))
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
        return f"Too thin: {levels} sizes, and a jump is told from a rise with {LEAST_LEVELS} or more."
    if curve.num_items < LEAST_ITEMS:
        return f"Too thin: {curve.num_items} items, at least {LEAST_ITEMS} are needed."
    decades = float(curve.log_compute[-1] - curve.log_compute[0])
    if decades < LEAST_DECADES:
        return f"Too thin: the ladder spans {10**decades:.1f} times the compute, at least 10 times is needed."
    return ""


def _figures(curve: Curve, sharp: np.ndarray, smooth: np.ndarray) -> _Figures:
    """Of scores ``(..., levels)`` that are taken as exact."""
    positions = curve.log_compute
    adjusted = above_chance(sharp, curve.chance)
    level = rising(adjusted)
    there = level >= LEARNT
    seeds = np.array([len(each.sharp) for each in curve.levels])
    has_risen = np.ptp(smooth, axis=-1) >= _LEAST_RISE
    return _Figures(
        first=level[..., 0],
        best=level[..., -1],
        jump=sharpness(positions, adjusted),
        before=(level < ABSENT).sum(axis=-1),
        models=(there * seeds).sum(axis=-1),
        least=np.where(there, adjusted, 1.0).min(axis=-1),
        partial=np.where(has_risen, sharpness(positions, smooth), 0.0),
        off=mirage.discrepancy(sharp, smooth, curve.target_tokens),
    )


def _answer(figures: _Figures) -> _Answer:
    """What one curve's figures say."""
    if figures.best < ABSENT:
        return _Answer("not learned", _at_a_guess(figures.best))
    if figures.best < LEARNT:
        return _Answer(
            "undecided",
            f"The largest are {_percent(figures.best)} of the way from a guess: neither there nor not.",
        )
    if figures.first >= LEARNT:
        return _Answer(
            "undecided", "The smallest model has learnt it: smaller rungs would show how it began."
        )
    if figures.jump < JUMP:
        return _Answer(
            "smooth", f"Only {_percent(figures.jump)} of the rise falls into the steepest third of the range."
        )
    return _of_a_jump(figures)


def _of_a_jump(figures: _Figures) -> _Answer:
    told = f"{_percent(figures.jump)} of the rise falls into a third of the range"
    if figures.before < 2:
        return _Answer(
            "undecided", f"{told}, but {figures.before} of the rungs lie before it: smaller ones would tell."
        )
    if figures.models < 2:
        return _Answer("undecided", f"{told}, but a single model has it: a seed or a larger rung would tell.")
    if figures.least < LEARNT:
        return _Answer("undecided", f"{told}, but a larger model loses it again.")
    if figures.partial >= JUMP:
        return _Answer(
            "emergent",
            f"{figures.before} rungs are within a fifth of a guess, then {told}, and so does "
            f"{_percent(figures.partial)} of the rise with partial credit: it is no artefact of the metric.",
        )
    shown = f"{told}, but with partial credit only {_percent(figures.partial)}"
    if figures.off <= mirage.TOLERANCE:
        return _Answer(
            "metric mirage", f"{shown}; exact match is p^L of that within {figures.off:.2f} at every rung."
        )
    return _Answer(
        "undecided", f"{shown}; and exact match is up to {figures.off:.2f} off p^L, so neither explains it."
    )


def _at_a_guess(best: float) -> str:
    if best <= 0.0:
        return "The largest models are no better than a guess."
    return f"The largest models are {_percent(best)} of the way from a guess."


def _seeds(curve: Curve) -> str:
    return "" if curve.least_seeds > 1 else ONE_SEED


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"
