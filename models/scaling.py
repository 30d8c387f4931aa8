"""How large a model, how many tokens, which batch and learning rate, for a number of FLOPs.

**What is minimised** is the loss law of Hoffmann et al. (Chinchilla, arXiv 2203.15556, section 3.3),

    loss(N, D) = E + A / N^alpha + B / D^beta,

under a budget of ``C = 6 N D`` FLOPs. As in DeepSeek LLM (arXiv 2401.02954, section 3.2), the model's
scale is what a token really costs: N is a sixth of its training FLOPs, output matrix and attention
included (`models.networks.counts`). In small models the embedding table is most of the parameters, and
costs nothing.

**A corpus that is smaller than D is read again**, and a repeated token is worth less. Muennighoff et al.
(arXiv 2305.16264, section 3.1) put D' and N' in place of D and N:

    D' = U + U R* (1 - exp(-(D / U - 1) / R*)),    R* = 15.39, U the unique tokens,

and N' likewise, with R* = 5.31 and as its U the N that would be best for U tokens.

Worked example: 10 passes over 100 tokens are worth 100 + 1539 x (1 - exp(-9 / 15.39)) = 781 tokens.

**Batch and learning rate.** Li et al. (Step Law, arXiv 2503.04715) find the best batch to grow with the
tokens in all, as D^0.571; their factor, 0.58 tokens, comes from runs of billions of tokens and is a few
times too large here, so it is fitted anew. The learning rate goes as 1 / width, as the maximal update
parametrisation has it for matrices (Yang et al., arXiv 2203.03466, table 3), and with the square root of
the batch, as Adam's noise asks (Malladi et al., arXiv 2205.10287). DeepSeek's rules by compute alone
(batch 0.292 C^0.327, learning rate 0.312 C^-0.125) give ten times the batch at 1e13 FLOPs.

**Shape.** Kaplan et al. (arXiv 2001.08361, section 3.1) find the loss nearly flat over width / depth
from 10 to 200. GPT-3's largest has 128 (Brown et al., arXiv 2005.14165, table 2.1), and so has every
Transformer here, because in the few thousand steps of a small budget each layer more made the loss
worse. Depth matters still less to an LSTM (Melis et al., arXiv 1707.05589, section 5): one layer below
width 256, then two, then three.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator
from typing import Any

from models.config import ModelConfig
from models.networks.counts import Counts, count

REPEATED_TOKENS = 15.387756
"""R* of data, R_D*: Muennighoff et al., appendix A."""
EXCESS_PARAMETERS = 5.309743
"""R* of parameters."""
BATCH_EXPONENT = 0.571
_BATCH_SCALE = 0.13
_LEARNING_RATE_SCALE = {"transformer": 0.4, "lstm": 0.6}
"""Times 1 / width, at a batch of `_LEARNING_RATE_BATCH` tokens."""
_LEARNING_RATE_BATCH = 512
_MAX_LEARNING_RATE = 0.01
_WIDTH_PER_LAYER = 128
_WIDTHS = (
    32,
    48,
    64,
    96,
    128,
    160,
    192,
    256,
    320,
    384,
    512,
    640,
    768,
    1024,
    1280,
    1600,
    2048,
    2560,
    3200,
    4096,
)


@dataclasses.dataclass(frozen=True)
class LossLaw:
    """Loss in bits per byte of text, from N (a sixth of a token's training FLOPs) and D (tokens)."""

    irreducible: float
    scale_n: float
    alpha: float
    scale_d: float
    beta: float

    def loss(self, n: float, d: float) -> float:
        return self.irreducible + self.scale_n / n**self.alpha + self.scale_d / d**self.beta

    def best_n(self, d: float) -> float:
        """The N of the budget for which ``d`` tokens are the best number (Hoffmann et al., equation 4)."""
        # Where one more FLOP helps as much in N as in D: alpha A / N^alpha = beta B / D^beta.
        return (self.alpha * self.scale_n / (self.beta * self.scale_d) * d**self.beta) ** (1 / self.alpha)

    def loss_on(self, unique_tokens: float, n: float, d: float) -> float:
        """The loss after ``d`` tokens of which only ``unique_tokens`` are different ones."""
        return self.loss(*self.worth(unique_tokens, n, d))

    def worth(self, unique_tokens: float, n: float, d: float) -> tuple[float, float]:
        """N' and D'."""
        unique = min(d, unique_tokens)
        largest = min(n, self.best_n(unique))
        return repeated(n, largest, EXCESS_PARAMETERS), repeated(d, unique, REPEATED_TOKENS)


def repeated(total: float, unique: float, half_life: float) -> float:
    """What ``total`` is worth, of which only ``unique`` is new: ``repeated(1000, 100, 15.39) -> 781``."""
    return unique + unique * half_life * (1.0 - math.exp(-(total / unique - 1.0) / half_life))


EXPONENT = 0.3526596
"""alpha and beta: Muennighoff et al., appendix A."""
LAWS = {
    "transformer": LossLaw(irreducible=1.40, scale_n=26.1, alpha=EXPONENT, scale_d=71.8, beta=EXPONENT),
    "lstm": LossLaw(irreducible=1.36, scale_n=37.2, alpha=EXPONENT, scale_d=65.5, beta=EXPONENT),
}
"""By family: E, A and B fitted to the sample text, in bits per byte (tests/benchmarks/scaling_law.py): six
points of Transformers and five of LSTMs, from 0.9 to 4 million tokens and widths 32 to 192, with root mean
square errors of 0.024 and 0.021. Beyond these they are an extrapolation."""


@dataclasses.dataclass(frozen=True)
class Data:
    """What of the data a choice depends on."""

    unique_tokens: int
    """Targets of the train split."""
    vocabulary_size: int
    sequence_length: int


@dataclasses.dataclass(frozen=True)
class Choice:
    """A model and how long to train it."""

    model: ModelConfig
    counts: Counts
    data: Data
    batch_size: int
    """Rows per step."""
    num_tokens: float

    @property
    def flops(self) -> float:
        return self.counts.training_flops_per_token * self.num_tokens

    @property
    def epochs(self) -> float:
        return self.num_tokens / self.data.unique_tokens

    @property
    def bits_per_byte(self) -> float:
        """Predicted."""
        n = self.counts.training_flops_per_token / 6
        return LAWS[self.model.family].loss_on(self.data.unique_tokens, n, self.num_tokens)

    @property
    def num_steps(self) -> int:
        return max(1, round(self.num_tokens / (self.batch_size * self.data.sequence_length)))

    @property
    def learning_rate(self) -> float:
        return learning_rate(self.model, self.batch_size * self.data.sequence_length)


def choose(base: ModelConfig, data: Data, flops: float) -> Choice:
    """The shape and the tokens with the lowest predicted loss for ``flops``; ``base`` gives the rest."""
    choices = []
    for shape in shapes(base.family):
        model = base.model_copy(update=shape)
        counts = count(model, data.vocabulary_size, data.sequence_length)
        num_tokens = flops / counts.training_flops_per_token
        rows = batch_size(num_tokens, data.sequence_length)
        choices.append(Choice(model, counts, data, rows, num_tokens))
    return min(choices, key=lambda choice: choice.bits_per_byte)


def shapes(family: str) -> Iterator[dict[str, Any]]:
    """The fields of `ModelConfig` that make a shape, for every shape there is to choose from."""
    for width in _WIDTHS:
        if family == "lstm":
            depth = 1 if width < 256 else 2 if width < 512 else 3
            heads = 1
        else:
            depth = max(1, round(width / _WIDTH_PER_LAYER))
            heads = max(1, width // (32 if width <= 256 else 64))
        yield {
            "size": None,
            "num_layers": depth,
            "hidden_dim": width,
            "num_heads": heads,
            "intermediate_dim": None,
        }


def batch_size(num_tokens: float, sequence_length: int) -> int:
    """Rows per step: a power of 2, or one and a half of one, so that it divides well."""
    rows = _BATCH_SCALE * num_tokens**BATCH_EXPONENT / sequence_length
    candidates = [1, *(factor * 2**power // 2 for power in range(1, 20) for factor in (2, 3))]
    return min(candidates, key=lambda size: abs(math.log(size / max(rows, 1.0))))


def learning_rate(model: ModelConfig, batch_tokens: int) -> float:
    """The peak, to two digits."""
    scale = _LEARNING_RATE_SCALE[model.family] * math.sqrt(batch_tokens / _LEARNING_RATE_BATCH)
    return float(f"{min(_MAX_LEARNING_RATE, scale / model.hidden_dim):.2g}")
