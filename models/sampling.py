"""Choosing the next token: greedy, temperature, top-k, nucleus.

Each row of a batch draws from its own stream of numbers, a function of that row's
seed and of how many tokens it has generated, so a row's text does not depend on
which rows share its batch. One uniform number a token is enough: the token is
found by inverting the cumulative distribution over the tokens sorted by
probability, in which top-k and top-p (Holtzman et al., arXiv 1904.09751) are
prefixes.

Worked example: probabilities 0.5, 0.3, 0.2 with ``top_p = 0.7`` keep the first two
(0.5 alone is less than 0.7); u = 0.7 falls at 0.7 * 0.8 = 0.56 > 0.5, so the second
is chosen.
"""

from __future__ import annotations

import dataclasses

import tensorflow as tf


@dataclasses.dataclass(frozen=True)
class SamplingOptions:
    """Per-row settings, each of shape ``(batch,)``."""

    temperature: tf.Tensor
    """float32; 0 is greedy."""
    top_k: tf.Tensor
    """int32; 0 keeps all tokens."""
    top_p: tf.Tensor
    """float32 in (0, 1]; 1 keeps all tokens."""
    seed: tf.Tensor
    """int32."""


def uniforms(seed: tf.Tensor, length: tf.Tensor) -> tf.Tensor:
    """Numbers in [0, 1) of shape ``(batch, length)``; a row depends on its own seed alone."""

    def row(row_seed: tf.Tensor) -> tf.Tensor:
        return tf.random.stateless_uniform([length], seed=tf.stack([row_seed, 0]))

    return tf.map_fn(row, seed, fn_output_signature=tf.float32)


def choose(logits: tf.Tensor, uniform: tf.Tensor, options: SamplingOptions) -> tf.Tensor:
    """The next token of each row: ``(batch, vocabulary)`` logits to ``(batch,)`` int32 ids."""
    greedy = tf.argmax(logits, axis=-1, output_type=tf.int32)
    is_greedy = options.temperature <= 0.0
    return tf.cond(
        tf.reduce_all(is_greedy),
        lambda: greedy,
        lambda: tf.where(is_greedy, greedy, _sample(logits, uniform, options)),
    )


def _sample(logits: tf.Tensor, uniform: tf.Tensor, options: SamplingOptions) -> tf.Tensor:
    vocabulary_size = tf.shape(logits)[-1]
    temperature = tf.maximum(options.temperature, 1e-6)
    sorted_logits, order = tf.math.top_k(logits / temperature[:, tf.newaxis], k=vocabulary_size)

    rank = tf.range(vocabulary_size)[tf.newaxis]
    keep_k = tf.where(options.top_k > 0, options.top_k, vocabulary_size)
    in_top_k = rank < keep_k[:, tf.newaxis]
    probabilities = tf.nn.softmax(tf.where(in_top_k, sorted_logits, float("-inf")))
    before = tf.cumsum(probabilities, axis=-1, exclusive=True)
    in_top_p = (before < options.top_p[:, tf.newaxis]) | (rank == 0)
    kept = tf.where(in_top_k & in_top_p, probabilities, 0.0)

    cumulative = tf.cumsum(kept, axis=-1)
    target = uniform[:, tf.newaxis] * cumulative[:, -1:]
    position = tf.reduce_sum(tf.cast(cumulative <= target, tf.int32), axis=-1)
    last_kept = tf.reduce_sum(tf.cast(kept > 0.0, tf.int32), axis=-1) - 1
    position = tf.minimum(position, last_kept)  # Rounding may put the target past the end.
    return tf.gather(order, position, batch_dims=1)
