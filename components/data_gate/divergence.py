"""How far two distributions of a number are apart, told by quantiles: Jensen-Shannon divergence in bits.

TensorFlow Data Validation's own comes from histograms of ten equally wide bins. Lengths of documents have
long tails: one document of a megabyte makes the first bin hold nearly all others, and next to a histogram of
another width, its mass is taken to lie evenly across it. So two random parts of a corpus could be 0.7 bits
apart, and a tenfold change of the median 0. The quantiles of the same statistics have their resolution where
the documents are.

Both distributions are cut at all inner quantiles of either; between its own quantiles the mass of each lies
evenly on a logarithmic scale, and what is below the first and above the last cut counts as one bin each, so
a longest document says no more than any other.

Worked example, with quartiles: of ``[1, 2, 4, 8, 16]`` and ``[1, 2, 4, 8, 1000]`` the cuts are 2, 4 and 8,
each bin holds a quarter of both, and the divergence is 0. Of ``[1, 2, 4, 8, 16]`` and
``[4, 8, 16, 32, 64]`` the bins below 2, 4, 8, 16 and 32, and the one above, hold 1, 1, 1, 1, 0, 0 quarters of
the one and 0, 0, 1, 1, 1, 1 of the other: 0.5 bits.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np


def divergence(before: Sequence[float], now: Sequence[float]) -> float:
    """Between 0, the same, and 1, no overlap.

    Args:
      before: quantiles of one distribution, ascending, from its least to its largest value: ``(n + 1,)``,
        with the same share of it between any two.
      now: of the other, likewise.
    """
    one, other = (np.asarray(quantiles, np.float64) for quantiles in (before, now))
    if one[-1] < other[0] or other[-1] < one[0]:
        return 1.0
    cuts = np.unique(np.concatenate([one[1:-1], other[1:-1]]))
    p, q = _masses(one, cuts), _masses(other, cuts)
    middle = (p + q) / 2
    return float((_relative_entropy(p, middle) + _relative_entropy(q, middle)) / 2)


def _masses(quantiles: np.ndarray, cuts: np.ndarray) -> np.ndarray:
    """Of the bins ``[cut, next cut)``: ``(cuts + 1,)``."""
    below = np.zeros(len(cuts))
    for low, high in itertools.pairwise(quantiles):
        first, last = _scale(low), _scale(high)
        if first == last:  # All at one value, or as good as: in the bin that begins with it.
            below += cuts > low
        else:
            below += (_scale(np.clip(cuts, low, high)) - first) / (last - first)
    below /= len(quantiles) - 1
    return np.diff(below, prepend=0.0, append=1.0)


def _scale(values: np.ndarray) -> np.ndarray:
    return np.sign(values) * np.log1p(np.abs(values))


def _relative_entropy(p: np.ndarray, q: np.ndarray) -> float:
    there = p > 0
    return float(np.sum(p[there] * np.log2(p[there] / q[there])))
