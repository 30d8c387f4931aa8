"""Parameters and floating-point operations of a network, from its configuration alone.

Operations follow Chowdhery et al. (PaLM, arXiv 2204.02311, appendix B): a parameter that
multiplies a token costs 2 forward and 4 backward, and attention over a context of T tokens costs
4 T times its width forward in each layer, twice that backward. A table that is looked up costs
nothing; the output matrix is multiplied whether it is tied or not. Softmax, norms and activations
are left out, and attention is counted whole, though half of it is masked.

Two counts of parameters are in use: all of them (Hoffmann et al., arXiv 2203.15556) and those
outside the embeddings (Kaplan et al., arXiv 2001.08361, section 2.1).

Worked example: GPT-2's smallest, 12 layers of width 768, vocabulary 50,257, context 1,024, has
50,257 x 768 + 1,024 x 768 = 39,383,808 parameters in its two tables and 85,056,000 outside them;
training on a token costs 6 x (85,056,000 + 38,597,376) + 12 x 12 x 768 x 1,024 = 855 MFLOPs.
"""

from __future__ import annotations

import dataclasses

from models.config import ModelConfig


@dataclasses.dataclass(frozen=True)
class Counts:
    """What a network holds and what a token costs."""

    embedding_parameters: int
    """In the tables of tokens and positions, and in an output matrix of its own."""
    non_embedding_parameters: int
    """All others: the N of Kaplan et al."""
    forward_flops_per_token: int
    """To predict one token within a full context."""
    frozen_flops_per_token: int = 0
    """Of these, in matrices that do not train: their own gradient, half of backward, is not computed."""
    trained_parameters: int | None = None
    """Where not all are trained."""

    @property
    def parameters(self) -> int:
        """All, those shared by input and output once: the N of Hoffmann et al."""
        return self.embedding_parameters + self.non_embedding_parameters

    @property
    def training_flops_per_token(self) -> int:
        """Forward, and backward at twice the cost."""
        return 3 * self.forward_flops_per_token - self.frozen_flops_per_token

    def summary(self) -> str:
        """``929,280 parameters (396,800 outside the embeddings), 5.92 MFLOPs per training token``."""
        trained = "" if self.trained_parameters is None else f"{self.trained_parameters:,} of them trained, "
        return (
            f"{self.parameters:,} parameters ({self.non_embedding_parameters:,} outside the embeddings), "
            f"{trained}"
            f"{format_flops(self.training_flops_per_token)} per training token"
        )


def count(config: ModelConfig, vocabulary_size: int, context_length: int) -> Counts:
    """The counts of the model that `models.causal_lm.build` makes of the same arguments."""
    if config.family == "preset":
        from models.presets.outline import count_preset

        return count_preset(config, context_length)
    width, layers = config.hidden_dim, config.num_layers
    positions = attention = 0
    if config.family == "lstm":
        matrix = vocabulary_size * (config.embedding_dim or width)
        others = _lstm(config)
    else:
        matrix = vocabulary_size * width
        attention = 4 * layers * width * context_length
        if config.style == "llama":
            others = layers * _llama_block(config) + width
        else:
            positions = context_length * width
            others = layers * _gpt2_block(config) + 2 * width
    tables = matrix if config.tied_embeddings else 2 * matrix
    return Counts(tables + positions, others, 2 * (others + matrix) + attention)


def _gpt2_block(config: ModelConfig) -> int:
    """Query, key, value and output; two feed-forward matrices; all with biases; two norms."""
    width, wide = config.hidden_dim, config.feed_forward_dim
    return 4 * (width * width + width) + (2 * width * wide + wide + width) + 2 * (2 * width)


def _llama_block(config: ModelConfig) -> int:
    """Query and output, key and value of fewer heads; three feed-forward matrices; two scales."""
    width = config.hidden_dim
    key_value_width = config.key_value_heads * (width // config.num_heads)
    return 2 * width * width + 2 * width * key_value_width + 3 * width * config.feed_forward_dim + 2 * width


def _lstm(config: ModelConfig) -> int:
    """Four gates a layer, each from the input and the last output, with a bias; the projection."""
    width, embedding = config.hidden_dim, config.embedding_dim or config.hidden_dim
    first = 4 * (embedding * width + width * width + width)
    others = (config.num_layers - 1) * 4 * (2 * width * width + width)
    return first + others + (width * embedding if embedding != width else 0)


def format_flops(flops: float) -> str:
    """``1536`` as ``1.54 kFLOPs``; also M, G, T, P, E."""
    scaled, units = float(flops), iter(("", "k", "M", "G", "T", "P", "E"))
    unit = next(units)
    while scaled >= 999.5 and (larger := next(units, None)) is not None:
        scaled, unit = scaled / 1000.0, larger
    return f"{scaled:.3g} {unit}FLOPs"
