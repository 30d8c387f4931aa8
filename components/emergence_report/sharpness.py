"""How much of a curve's rise happens at once: what the eye calls a jump, as a number.

The share of the whole rise that falls into the steepest third of the ladder's range of compute, in decades,
between measured points along straight lines. It is 1/3 for an even rise and 1 for a step, whatever the
height of the curve, its chance level, and the number of rungs; noise is taken out first, as the curve is
read as one that never falls (`curves.rising`).

Worked examples, over three decades: 0, 1/3, 2/3, 1 has 1/3; 0, 0, 1, 1 has 1; of 0, 0.1, 0.4, 1 the last
decade has 0.6.
"""

from __future__ import annotations

import numpy as np

from components.emergence_report.curves import rising

WINDOW = 1 / 3
"""Of the range: four rungs, the fewest that are judged, are three steps."""


def sharpness(positions: np.ndarray, scores: np.ndarray) -> float:
    """``positions`` ascending, in decades; 0 where nothing rises."""
    curve = rising(scores)
    total = curve[-1] - curve[0]
    if total <= 0.0:
        return 0.0
    width = (positions[-1] - positions[0]) * WINDOW
    # Between knots everything is linear, so the steepest window begins or ends on one.
    starts = np.concatenate([positions, positions - width])
    starts = np.clip(starts, positions[0], positions[-1] - width)
    rises = np.interp(starts + width, positions, curve) - np.interp(starts, positions, curve)
    return float(rises.max() / total)
