"""Ladders of which the truth is known: models whose tokens are right with a probability of our choosing."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytest

from components.emergence_report.curves import Curve, Level

MakeCurve = Callable[..., Curve]


@pytest.fixture
def make_curve() -> MakeCurve:
    """A curve from the probability that a token is right, each by itself, level by level."""

    def make(
        probabilities: Sequence[float],
        *,
        tokens: int = 4,
        chance: float = 0.0,
        items: int = 200,
        seeds: int = 2,
        jitter: float = 0.02,
        decades: float = 2.5,
        seed: int = 0,
    ) -> Curve:
        random = np.random.default_rng(seed)
        levels = []
        for index, probability in enumerate(probabilities):
            trained = np.clip(probability + random.normal(0.0, jitter, (seeds, 1, 1)), 0.0, 1.0)
            drawn = random.random((seeds, items, tokens))
            right = drawn < trained
            compute = 10 ** (10 + decades * index / max(len(probabilities) - 1, 1))
            levels.append(
                Level(
                    f"{index}",
                    compute,
                    3.0 - 0.2 * index,
                    right.all(axis=2).astype(float),
                    right.mean(axis=2),
                )
            )
        return Curve("task", "transformer", chance, np.full(items, tokens), tuple(levels))

    return make
