"""How many rows of each source train an epoch.

Each source's rows are taken so many times: 2.25 times is each row twice and a quarter of them a third time,
0.4 times is two fifths of them. Which these are is spread evenly over each stream of the source: of a
stream's rows 0, 1, 2, … row ``i`` is taken ``floor((i + 1) times + u) - floor(i times + u)`` times, with
``u`` in [0, 1) from a hash of the seed and the stream (systematic sampling). So a stream of ``n`` rows gives
``n times``, but for rounding, whatever the number of workers.

Worked example: ``prose`` has 600 tokens and ``code`` 200, and an epoch is to have 800, as many as there are.

    rule, weights                         shares wanted      times          tokens
    "repeats", prose 1, code 1.5          as it comes        1, 1.5         600, 300
    "shares", prose 1, code 1             1/2, 1/2           0.67, 2        400, 400
    "shares", prose 1, code 3             1/4, 3/4           0.33, 3        200, 600
    "temperature" 2, prose 1, code 1      0.634, 0.366       0.85, 1.46     507, 293
    "tokens", prose 300, code 100         3/4, 1/4           0.5, 0.5       300, 100

At temperature 2 shares go by the square root of the size, 24.5 to 14.1. Where ``shares`` or ``temperature``
would take a source more often than ``max_repeats``, all are taken less often, and the shares hold: weights 1
and 3 with ``max_repeats = 2`` give 133 and 400 tokens.

Sources: temperature, Raffel et al., arXiv 1910.10683, section 3.5.2; four repeats as the bound, Muennighoff
et al., arXiv 2305.16264: up to that, tokens seen again are worth nearly as much as new ones.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Mapping
from typing import Literal, final

import numpy as np
from pydantic import Field

from components.config import SourceConfig
from models.config import Settings


class MixtureConfig(Settings):
    """How many rows of each source train an epoch. The eval and test splits have each document once."""

    rule: Literal["repeats", "shares", "temperature", "tokens"] = "repeats"
    """What a source's ``weight`` is. ``repeats``: how often its rows are taken; with weight 1, a source is as
    large as it is. ``shares``: its share of the tokens, before normalising. ``temperature``: a factor of its
    size to the power of one over ``temperature``, which is then its share. ``tokens``: how many tokens of it
    an epoch has."""
    temperature: float = Field(default=2.0, ge=1.0, le=1000.0)
    """Of ``rule = "temperature"``. 1: shares by size; the higher, the more alike are the shares."""
    tokens: int | None = Field(default=None, ge=1)
    """Of an epoch under ``shares`` and ``temperature``; left out: as many as the sources have."""
    max_repeats: float = Field(default=4.0, gt=0, le=1000)
    """Under ``shares`` and ``temperature``, no row is taken more often: the epoch is made smaller instead,
    and keeps its shares. Up to four times is nearly as good as new text (arXiv 2305.16264)."""
    seed: int = Field(default=0, ge=0)
    """Of which rows are taken once more or left out."""


@final
class Mixture(Settings):
    """The rule, and the sources' weights."""

    config: MixtureConfig
    weights: dict[str, float]
    """By source."""

    @property
    def is_plain(self) -> bool:
        """Whether every row is taken once."""
        return self.config.rule == "repeats" and all(weight == 1 for weight in self.weights.values())

    def times(self, sizes: Mapping[str, int]) -> dict[str, float]:
        """How often each source's rows are taken.

        Args:
          sizes: by source, in tokens, none 0.
        """
        config = self.config
        weights = {source: self.weights.get(source, 1.0) for source in sorted(sizes)}
        if config.rule == "repeats":
            return weights
        if config.rule == "tokens":
            return {source: weight / sizes[source] for source, weight in weights.items()}
        power = 1 / config.temperature if config.rule == "temperature" else 0.0
        wanted = {source: weight * sizes[source] ** power for source, weight in weights.items()}
        unit = sum(wanted.values())
        total = sum(sizes.values()) if config.tokens is None else config.tokens
        most = min(config.max_repeats * sizes[source] * unit / wanted[source] for source in wanted)
        return {source: min(total, most) * wanted[source] / unit / sizes[source] for source in wanted}

    def copies(self, stream: str, first_row: int, num_rows: int, times: float) -> np.ndarray:
        """How often each of some consecutive rows is taken, int64 ``(num_rows,)``.

        Args:
          stream: its name, for the hash.
          first_row: of these, the number of the first in the stream, from 0.
          num_rows: how many.
          times: of the source.
        """
        edges = np.arange(first_row, first_row + num_rows + 1, dtype=np.float64)
        return np.diff(np.floor(edges * times + self._offset(stream)).astype(np.int64))

    def _offset(self, stream: str) -> float:
        """Evenly in [0, 1)."""
        digest = hashlib.sha256(f"{self.config.seed}\0{stream}".encode()).digest()
        return int.from_bytes(digest[:6], "big") / math.ldexp(1, 48)


def of(config: MixtureConfig, sources: Iterable[SourceConfig]) -> Mixture:
    """The configuration's mixture."""
    return Mixture(config=config, weights={source.name: source.weight for source in sources})


def problems(config: MixtureConfig, sources: Iterable[SourceConfig]) -> list[str]:
    """What is wrong with weights under the rule, a line each."""
    if config.rule == "tokens":
        return [
            f'source {source.name!r} has the weight {source.weight:g}, and rule = "tokens" takes it for its '
            "tokens an epoch: give a whole number of 1000 or more"
            for source in sources
            if source.weight < 1000 or source.weight != int(source.weight)
        ]
    return [
        f'source {source.name!r} has the weight {source.weight:g}, and rule = "repeats" would take each of '
        'its rows so often: at most 1000, or rule = "shares"'
        for source in sources
        if config.rule == "repeats" and source.weight > 1000
    ]
