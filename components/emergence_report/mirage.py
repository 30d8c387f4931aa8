"""Whether exact match is what the tokens' accuracy makes of it.

Schaeffer et al., Are Emergent Abilities of Large Language Models a Mirage? (arXiv 2304.15004), section 2:
if each of L tokens is right with probability p by itself, all of them are with p^L. A p that rises
evenly with scale then makes an exact match that stays at nothing for long and rises at the end; the jump is
the metric's. So two questions: does p^L explain exact match, and does p itself jump? Only where p
does not is the jump a mirage.

``p`` is the mean of the metric with partial credit, and L each item's own number of target tokens. That
the tokens are independent is the paper's approximation; where the last digit is much harder than the first,
p^L is too high, and the report tells by how much.

Worked example: p = 0.5, 0.7, 0.9 with L = 4 gives 0.0625, 0.2401, 0.6561.
"""

from __future__ import annotations

import numpy as np

TOLERANCE = 0.1
"""Of exact match, at every level: more than what independence gets wrong on tokens that are alike, and
less than a jump that needs explaining."""


def power(smooth: np.ndarray, target_tokens: np.ndarray) -> np.ndarray:
    """p^L at each level, ``(..., levels)``: the mean over items of p to the item's number of tokens."""
    lengths, counts = np.unique(np.asarray(target_tokens, np.float64), return_counts=True)
    powers = np.clip(smooth, 0.0, 1.0)[..., np.newaxis] ** lengths
    return np.asarray((powers * counts).sum(axis=-1) / counts.sum())


def discrepancy(sharp: np.ndarray, smooth: np.ndarray, target_tokens: np.ndarray) -> np.ndarray:
    """The largest difference of exact match from p^L over the levels, of arrays ``(..., levels)``."""
    return np.asarray(np.abs(sharp - power(smooth, target_tokens)).max(axis=-1))
