"""How sure a metric is: the bootstrap over rows (Efron and Tibshirani 1993, chapter 13: percentile
intervals).

A resample draws as many rows as there are, with replacement; its metrics come from the sums of its rows, as
those of all rows do. The weights depend on the seed and the number of rows alone, so two models on the same
rows are resampled alike, and the difference of their metrics has an interval, too, that is narrower than
either's.

Rows are taken for independent. Those of one long document are not, so the intervals of a split of a few
long documents are too narrow.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from models.prediction_measures import metrics

NUM_RESAMPLES = 1000
LEVEL = 0.95
_WEIGHTS_AT_A_TIME = 10_000_000

Interval = tuple[float, float]


def resampled(
    row_sums: Mapping[str, np.ndarray], seed: int = 0, num_resamples: int = NUM_RESAMPLES
) -> dict[str, np.ndarray]:
    """Metric -> its value on each resample, float64 ``(num_resamples,)``.

    Args:
      row_sums: as `models.prediction_measures` has them, ``(rows, ...)``.
    """
    num_rows = len(next(iter(row_sums.values())))
    random = np.random.default_rng(seed)
    at_a_time = max(1, _WEIGHTS_AT_A_TIME // max(num_rows, 1))
    parts = []
    for start in range(0, num_resamples, at_a_time):
        count = min(at_a_time, num_resamples - start)
        weights = random.multinomial(num_rows, np.full(num_rows, 1 / num_rows), count).astype(np.float64)
        parts.append(metrics({name: weights @ values for name, values in row_sums.items()}))
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def interval(values: np.ndarray, level: float = LEVEL) -> Interval:
    """Between which the middle ``level`` of the values lie; those that are no number are left out."""
    known = values[~np.isnan(values)]
    if not len(known):
        return np.nan, np.nan
    low, high = np.quantile(known, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)
