"""Linearity and breakthroughness of a curve, as BIG-bench defines them.

Srivastava et al., Beyond the Imitation Game (arXiv 2206.04615), for scores ``y`` by rising scale:

    I = sign(argmax y - argmin y) (max y - min y)          how much better, in all
    L = I / root mean square of the differences y[i + 1] - y[i]
    B = I / root median square of these differences

A curve that rises evenly over n scales has L = B = n - 1. One that stands still and then leaps has small
differences in the middle of their distribution, and a large B. The two know nothing of intervals, chance
or how far the scales lie apart, so no verdict hangs on them; they are told because they are what is
published of other models.

Worked example: 0, 0.01, 0.02, 0.03, 1 has differences 0.01, 0.01, 0.01, 0.97, so I = 1,
L = 1 / sqrt((3 x 0.0001 + 0.9409) / 4) = 2.06 and B = 1 / 0.01 = 100; 0, 0.25, 0.5, 0.75, 1 has L = B = 4.
"""

from __future__ import annotations

import math

import numpy as np


def improvement(scores: np.ndarray) -> float:
    """I: the range of the scores, negative where the best comes before the worst."""
    sign = np.sign(int(np.argmax(scores)) - int(np.argmin(scores)))
    return float(sign * (np.max(scores) - np.min(scores)))


def linearity(scores: np.ndarray) -> float:
    """L, of at least two scores; 0 for a flat curve."""
    return _ratio(scores, float(np.mean(np.diff(scores) ** 2)))


def breakthroughness(scores: np.ndarray) -> float:
    """B, of at least two scores; 0 for a flat curve, infinite where most of the differences are nothing."""
    return _ratio(scores, float(np.median(np.diff(scores) ** 2)))


def _ratio(scores: np.ndarray, squared: float) -> float:
    total = improvement(scores)
    if total == 0.0:
        return 0.0
    return total / math.sqrt(squared) if squared else math.copysign(math.inf, total)
