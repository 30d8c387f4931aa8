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


def sharpness(positions: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """Of curves ``(..., levels)`` at ``positions``, ``(levels,)`` ascending, in decades; 0 without a rise."""
    curves = rising(scores)
    totals = curves[..., -1] - curves[..., 0]
    width = (positions[-1] - positions[0]) * WINDOW
    # Between knots everything is linear, so the steepest window begins or ends on one.
    starts = np.clip(np.concatenate([positions, positions - width]), positions[0], positions[-1] - width)
    rises = [
        np.interp(starts + width, positions, knot) - np.interp(starts, positions, knot)
        for knot in np.eye(len(positions))
    ]
    steepest = (curves @ np.array(rises)).max(axis=-1)
    return np.where(totals > 0.0, steepest / np.where(totals > 0.0, totals, 1.0), 0.0)
