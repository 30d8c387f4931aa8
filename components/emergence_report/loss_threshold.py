"""The loss below which a task is more than guessing.

Du et al., Understanding Emergent Abilities of Language Models from the Loss Perspective (arXiv 2403.15796),
section 3: read against held-out loss, and not against size or compute, a task stays at
chance down to a threshold and rises below it, whatever the size of the model. The reading here is the
piecewise line that says just that,

    score = chance                            for loss >= threshold
    score = chance + slope (threshold - loss)     below it, at most 1,

with the threshold and the slope of the least squares. As no model was trained between two neighbours of the
ladder, the threshold is told with the losses of the last rung at chance and of the first above it.

Worked example: losses 2.0, 1.8, 1.6, 1.4, 1.2 with scores 0, 0, 0, 0.2, 0.4 have threshold 1.6 and slope 1
per nat.
"""

from __future__ import annotations

import dataclasses

import numpy as np

_STEPS = 400
_ABOVE = 0.1
"""Adjusted for guessing: from here on a rung counts as above chance."""


@dataclasses.dataclass(frozen=True)
class LossThreshold:
    """In nats per token."""

    loss: float
    slope: float
    """Of the adjusted score, per nat."""
    last_at_chance: float
    first_above: float
    error: float
    """Root mean square, of the adjusted score."""


def find(losses: np.ndarray, scores: np.ndarray) -> LossThreshold | None:
    """``scores`` adjusted for guessing, in any order; None where all rungs are on one side."""
    order = np.argsort(-losses)
    losses, scores = losses[order], scores[order]
    above = scores > _ABOVE
    if above[0] or not above.any():
        return None
    first = int(np.argmax(above))
    best: tuple[float, float, float] | None = None
    for threshold in np.linspace(losses.max(), losses.min(), _STEPS, endpoint=False):
        below = np.maximum(threshold - losses, 0.0)
        for slope in _slopes(below, scores):
            error = float(np.sqrt(np.mean((np.minimum(slope * below, 1.0) - scores) ** 2)))
            if best is None or error < best[0] - 1e-12:
                best = (error, float(threshold), slope)
    if best is None:
        return None
    error, threshold, slope = best
    return LossThreshold(threshold, slope, float(losses[first - 1]), float(losses[first]), error)


def _slopes(below: np.ndarray, scores: np.ndarray) -> list[float]:
    """Candidates: of the least squares through the rungs below that do not yet reach 1, and each rung's."""
    inside = below > 0.0
    if not inside.any():
        return []
    ratios = scores[inside] / below[inside]
    rising = inside & (scores < 0.98)
    fitted = (
        [float((below[rising] @ scores[rising]) / (below[rising] @ below[rising]))] if rising.any() else []
    )
    return [slope for slope in [*fitted, *ratios.tolist()] if slope > 0.0]
