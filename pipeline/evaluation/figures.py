"""Scores and intervals in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pipeline.evaluation.evaluation import Score

Interval = tuple[float, float]


def number(value: float) -> str:
    """Four digits."""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"


def between(interval: Interval) -> str:
    """``2.1 to 2.3``."""
    return f"{number(interval[0])} to {number(interval[1])}"


def change(score: Score) -> str:
    """``-0.05 (-0.06 to -0.04)``, or a dash."""
    if score.previous is None or score.change is None:
        return "-"
    low, high = score.change
    return f"{score.value - score.previous:+.3g} ({low:+.3g} to {high:+.3g})"
