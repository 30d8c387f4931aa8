"""Bootstrap over items and seeds: what a ladder's scores would be with other ones.

The percentile bootstrap (Efron and Tibshirani, An Introduction to the Bootstrap, 1993, chapter 13) on
both things that were drawn: the items, which all models of the ladder share and which are therefore drawn
once for all of them, and the seeds of each size. With a single seed the spread of training is not in the
intervals; the report says how many there were.

Items that are all wrong, or all right, look the same in every resample. There the interval is Jeffreys' for a
proportion (Brown, Cai and DasGupta, Interval Estimation for a Binomial Proportion, 2001, section 4), whose
far end is, of n items, about 2.51 / n: 0 of 100 gives (0, 0.025).

Cost: ``resamples x items`` numbers, and one matrix product a level.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from components.emergence_report.curves import Curve

RESAMPLES = 1000
_LOW, _HIGH = 2.5, 97.5
_ALL_ALIKE = 2.512
"""Items times the far end of Jeffreys' interval when all are alike: half the 97.5th percentile, 5.024, of
chi-squared with one degree of freedom, to which the beta distribution tends."""


@dataclasses.dataclass(frozen=True)
class Resampled:
    """Means in each resample, ``(resamples, levels)``."""

    sharp: np.ndarray
    smooth: np.ndarray


def resample(curve: Curve, resamples: int = RESAMPLES, seed: int = 0) -> Resampled:
    """Draws items, the same for every level, and each level's seeds."""
    random = np.random.default_rng(seed)
    items = curve.num_items
    weights = random.multinomial(items, np.full(items, 1.0 / items), size=resamples) / items
    sharp, smooth = [], []
    for level in curve.levels:
        count = len(level.sharp)
        drawn = random.integers(count, size=(resamples, count))
        sharp.append(np.take_along_axis(weights @ level.sharp.T, drawn, axis=1).mean(axis=1))
        smooth.append(np.take_along_axis(weights @ level.smooth.T, drawn, axis=1).mean(axis=1))
    return Resampled(np.stack(sharp, axis=1), np.stack(smooth, axis=1))


def interval(means: np.ndarray, num_items: int) -> tuple[float, float]:
    """The middle 95 % of one level's means, ``(resamples,)``, each over ``num_items``."""
    low, high = (float(value) for value in np.percentile(means, [_LOW, _HIGH]))
    margin = min(1.0, _ALL_ALIKE / num_items)
    if high <= 0.0:
        return 0.0, margin
    if low >= 1.0:
        return 1.0 - margin, 1.0
    return low, high
