"""A task's score as a curve of compute, fitted to the rungs that there are, and what it says of the next one.

    score(C) = chance + (ceiling - chance) / (1 + exp(-slope (log10 C - midpoint)))

as in the extrapolations of Owen (arXiv 2401.04757, section 3). Rungs that are all at chance fit any curve
whose midpoint lies beyond them, so, as in `power_law`, all curves on a grid are weighed by their likelihood
and the prediction is their spread: of such rungs, that the next one is probably at chance, too, and that
anything is possible. An ability that is then there was not to be foreseen from them: this is what emergence
means.

The likelihood is a binomial's of `_WORTH` items at most: another seed of the same size scores otherwise by
far more than hundreds of items have sampling noise.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from components.emergence_report.power_law import Interval

_WORTH = 40
"""Items that a rung's score counts as, at most: a standard error of 0.08 at one half."""
_SLOPES = np.geomspace(0.5, 30.0, 28)
"""Per decade: from a rise over nine decades (10 % to 90 %) to one within a seventh of one."""
_CEILINGS = np.array([0.3, 0.5, 0.7, 0.85, 0.95, 1.0])
_BEYOND = 3.0
"""Decades on either side of the rungs within which the midpoint lies."""
_MIDPOINTS = 160
_DRAWS = 4000
_TAILS = (2.5, 97.5)


def predict(
    log_compute: Sequence[float],
    scores: Sequence[float],
    chance: float,
    num_items: int,
    at: float,
    seed: int = 0,
) -> Interval:
    """The score of a model at ``at`` decades of compute, not one of those given.

    Args:
      log_compute: of the rungs, log10 of FLOPs.
      scores: of the rungs, means over items.
      chance: what guessing scores.
      num_items: of which the scores are means.
      at: log10 of FLOPs.
      seed: of the draws.
    """
    positions, observed = np.asarray(log_compute), np.asarray(scores)
    midpoints = np.linspace(positions.min() - _BEYOND, positions.max() + _BEYOND, _MIDPOINTS)
    grid = np.stack([axis.ravel() for axis in np.meshgrid(_SLOPES, midpoints, _CEILINGS)])
    worth = min(num_items, _WORTH)
    curves = np.clip(_score(grid, positions, chance), 0.5 / worth, 1.0 - 0.5 / worth)
    likelihood = worth * (observed * np.log(curves) + (1.0 - observed) * np.log1p(-curves)).sum(axis=1)
    weights = np.exp(likelihood - likelihood.max())
    random = np.random.default_rng(seed)
    drawn = random.choice(grid.shape[1], _DRAWS, p=weights / weights.sum())
    expected = np.clip(_score(grid[:, drawn], np.array([at]), chance)[:, 0], 0.0, 1.0)
    low, high = np.percentile(random.binomial(worth, expected) / worth, _TAILS)
    return Interval(float(np.median(expected)), float(low), float(high))


def _score(grid: np.ndarray, positions: np.ndarray, chance: float) -> np.ndarray:
    """``(curves, positions)``."""
    slope, midpoint, ceiling = (column[:, np.newaxis] for column in grid)
    height = np.maximum(ceiling - chance, 0.0)
    return np.asarray(chance + height / (1.0 + np.exp(-slope * (positions - midpoint))))
