"""Loss, perplexity and bits per byte from sums over tokens: pure arithmetic.

A row's or a batch's mean says little where they hold unequal numbers of tokens, so
everything that measures a model sums first and divides once.

Worked example: rows with (nll, tokens, bytes) = (10 nats, 4, 16) and (2, 2, 4) give a loss of
12 / 6 = 2 nats per token, a perplexity of e^2 = 7.389 and 12 / ln 2 / 20 = 0.8656 bits per byte.
"""

from __future__ import annotations

import dataclasses
import math


@dataclasses.dataclass(frozen=True)
class LossSums:
    """Sums over some tokens."""

    nll: float = 0.0
    """Negative log-likelihood, in nats."""
    num_tokens: float = 0.0
    num_bytes: float = 0.0
    """Bytes of original text that the tokens stand for."""

    def __add__(self, other: LossSums) -> LossSums:
        return LossSums(
            self.nll + other.nll, self.num_tokens + other.num_tokens, self.num_bytes + other.num_bytes
        )

    @property
    def loss(self) -> float:
        """Nats per token; NaN over no tokens."""
        return self.nll / self.num_tokens if self.num_tokens else math.nan

    @property
    def perplexity(self) -> float:
        """exp of the loss; infinite where that overflows."""
        return math.inf if self.loss > 700.0 else math.exp(self.loss)

    @property
    def bits_per_byte(self) -> float:
        """Comparable between tokenizers; NaN over no bytes."""
        return self.nll / math.log(2.0) / self.num_bytes if self.num_bytes else math.nan
