"""A task's scores along a ladder of models, and the arithmetic that every reading of them shares.

A score is adjusted for guessing, ``(score - chance) / (1 - chance)``: 0 is a guess and 1 all right, so that
a task of two choices and one of a thousand are read by the same rules. Noise makes a rising curve dip; where
its course matters, the curve is the nearest one that never falls (Barlow et al., Statistical Inference
under Order Restrictions, 1972, section 1.2).

Worked examples: of two choices, 0.75 right is half of what there is above a guess; ``0, 0.4, 0.2, 1`` rises
as ``0, 0.3, 0.3, 1``.
"""

from __future__ import annotations

import dataclasses

import numpy as np


@dataclasses.dataclass(frozen=True)
class Level:
    """One size of the ladder on one task, over its seeds."""

    name: str
    compute: float
    """FLOPs of its training, C = 6ND."""
    loss: float
    """Nats per token on held-out text, the mean over the seeds."""
    sharp: np.ndarray
    """float ``(seeds, items)``: exact match or choice, 0 or 1 each."""
    smooth: np.ndarray
    """float ``(seeds, items)``: a metric with partial credit, 0 to 1."""


@dataclasses.dataclass(frozen=True)
class Curve:
    """A task along the ladder of one family."""

    task: str
    family: str
    chance: float
    """Of the sharp metric, what guessing gives; below 1."""
    target_tokens: np.ndarray
    """``(items,)``: how many tokens must all be right."""
    levels: tuple[Level, ...]
    """By compute, the least first; the same items in each."""

    @property
    def log_compute(self) -> np.ndarray:
        """Decades, ``(levels,)``."""
        return np.log10([level.compute for level in self.levels])

    @property
    def losses(self) -> np.ndarray:
        return np.array([level.loss for level in self.levels])

    @property
    def sharp(self) -> np.ndarray:
        """Means over seeds and items, ``(levels,)``."""
        return np.array([level.sharp.mean() for level in self.levels])

    @property
    def smooth(self) -> np.ndarray:
        return np.array([level.smooth.mean() for level in self.levels])

    @property
    def num_items(self) -> int:
        return len(self.target_tokens)

    @property
    def least_seeds(self) -> int:
        return min(len(level.sharp) for level in self.levels)


def above_chance(scores: np.ndarray, chance: float) -> np.ndarray:
    """``above_chance(0.75, 0.5) = 0.5``: 0 at a guess, 1 where all is right, negative below a guess."""
    return (scores - chance) / (1.0 - chance)


def rising(values: np.ndarray) -> np.ndarray:
    """The non-decreasing values with the least sum of squared differences from ``values``, ``(..., levels)``:
    at each place the largest, over where a stretch begins, of the least mean, over where it ends."""
    count = values.shape[-1]
    sums = np.concatenate([np.zeros((*values.shape[:-1], 1)), np.cumsum(values, axis=-1)], axis=-1)
    result = np.empty(values.shape, np.float64)
    for place in range(count):
        begins, ends = np.arange(place + 1)[:, np.newaxis], np.arange(place, count)
        means = (sums[..., np.newaxis, ends + 1] - sums[..., begins]) / (ends + 1 - begins)
        result[..., place] = means.min(axis=-1).max(axis=-1)
    return result
