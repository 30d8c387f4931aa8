"""The loss as a power law of compute, tokens or parameters, and what it says of a larger model.

Kaplan et al. (arXiv 2001.08361) and Hoffmann et al. (arXiv 2203.15556, section 3.3) find

    loss(x) = E + A / x^alpha

where one thing is what limits the loss; `models.scaling` has the law of N and D together, whose factors must
be fitted to many runs. A ladder has four to eight rungs, too few for a single best fit to be trusted
beyond them: an E of nothing and one just below the last loss fit nearly alike, and disagree at the next rung.
So every triple on a grid is weighed by how well it fits (a posterior under a flat prior, with the noise
integrated out), and the prediction is the weighted spread, with the rungs' own noise added.

Worked example: 1 + 8 / sqrt(x) at x = 1, 4, 16, 64 is 9, 5, 3, 2, and at 256 it is 1.5.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

LEAST_POINTS = 3
NOISE = 0.01
"""Relative, of a single run's loss: two seeds of a small model differ by about as much."""
_DRAWS = 4000
_TAILS = (2.5, 50.0, 97.5)


@dataclasses.dataclass(frozen=True)
class PowerLaw:
    """E + A / x^alpha."""

    irreducible: float
    scale: float
    exponent: float

    def __call__(self, x: float) -> float:
        return self.irreducible + self.scale / x**self.exponent


@dataclasses.dataclass(frozen=True)
class Interval:
    """A predicted value, and where it lies with a probability of 95 %."""

    value: float
    low: float
    high: float

    def holds(self, outcome: float) -> bool:
        return self.low <= outcome <= self.high


@dataclasses.dataclass(frozen=True)
class LossFit:
    """What some rungs say of the law."""

    best: PowerLaw
    error: float
    """Root mean square of the best law's relative errors."""
    laws: np.ndarray
    """``(grid, 3)``: E, A, alpha."""
    weights: np.ndarray
    """``(grid,)``, summing to 1."""

    def predict(self, x: float, seed: int = 0) -> Interval:
        """Of a run at ``x`` that was not fitted to."""
        random = np.random.default_rng(seed)
        irreducible, scale, exponent = self.laws[random.choice(len(self.laws), _DRAWS, p=self.weights)].T
        noise = np.hypot(self.error, NOISE) * random.standard_normal(_DRAWS)
        low, value, high = np.percentile((irreducible + scale / x**exponent) * np.exp(noise), _TAILS)
        return Interval(float(value), float(low), float(high))


def fit(x: Sequence[float], losses: Sequence[float]) -> LossFit:
    """At least `LEAST_POINTS` points with different ``x``."""
    points, values = np.asarray(x, np.float64), np.asarray(losses, np.float64)
    middle = float(np.exp(np.log(points).mean()))  # So that A and alpha are not entangled.
    shares = np.concatenate([[0.0], np.linspace(0.05, 0.995, 60)])
    exponents = np.geomspace(0.01, 2.0, 120)
    share, exponent = (axis.ravel() for axis in np.meshgrid(shares, exponents))
    irreducible = share * values.min()
    shapes = (points / middle) ** -exponent[:, np.newaxis]
    # Given E and alpha, the A of the least squares of the relative errors.
    design, target = shapes / values, 1.0 - irreducible[:, np.newaxis] / values
    scale = (design * target).sum(axis=1) / (design**2).sum(axis=1)
    squares = ((scale[:, np.newaxis] * design - target) ** 2).sum(axis=1)
    weights = (squares + len(points) * NOISE**2) ** (-len(points) / 2)
    laws = np.stack([irreducible, scale * middle**exponent, exponent], axis=1)
    best = int(np.argmin(squares))
    error = float(np.sqrt(squares[best] / len(points)))
    return LossFit(PowerLaw(*laws[best].tolist()), error, laws, weights / weights.sum())
