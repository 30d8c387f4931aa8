"""Choosing the next token: greedy, temperature, top-k, nucleus.

Each row of a batch draws from its own stream of numbers, a function of that row's
seed and of how many tokens it has generated, so a row's text does not depend on
which rows share its batch. One uniform number a token is enough: the token is
found by inverting the cumulative distribution, in the vocabulary's order. Top-k and
top-p (Holtzman et al., arXiv 1904.09751) are bounds on the probability, found without
sorting, so that tokens as likely as the last one kept are kept too. Both given, the
nucleus is of what top-k left.

Worked example: probabilities 0.2, 0.5, 0.3 with ``top_p = 0.7`` keep the last two
(0.5 alone is less than 0.7); u = 0.7 falls at 0.7 * 0.8 = 0.56 > 0.5, so the last
is chosen.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable

import tensorflow as tf

_VALUE_BITS = 30
"""Of a float32 in [0, 1], read as an integer."""


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
    probabilities = tf.nn.softmax(logits / tf.maximum(options.temperature, 1e-6)[:, tf.newaxis])
    is_cut = (options.top_k > 0) | (options.top_p < 1.0)
    kept = tf.cond(
        tf.reduce_any(is_cut), lambda: _cut(probabilities, options), lambda: tf.identity(probabilities)
    )
    return _drawn(kept, uniform)


def _cut(probabilities: tf.Tensor, options: SamplingOptions) -> tf.Tensor:
    """``probabilities`` with 0 for what is not among a row's top k, or, of those, not in its nucleus."""
    vocabulary_size = probabilities.shape[1]
    keep_k = tf.where(options.top_k > 0, options.top_k, vocabulary_size)
    among_k = _at_least(
        probabilities, lambda inside: tf.reduce_sum(tf.cast(inside, tf.int32), axis=1) >= keep_k
    )
    kept = tf.where(among_k, probabilities, 0.0)
    mass = options.top_p * tf.reduce_sum(kept, axis=1)
    in_nucleus = _at_least(kept, lambda inside: tf.reduce_sum(tf.where(inside, kept, 0.0), axis=1) >= mass)
    return tf.where(in_nucleus | (options.top_p >= 1.0)[:, tf.newaxis], kept, 0.0)


def _at_least(values: tf.Tensor, is_enough: Callable[[tf.Tensor], tf.Tensor]) -> tf.Tensor:
    """Which of each row's ``values``, in [0, 1], are at or above the largest bound that leaves enough: by
    bisection, to the last bit, since floats from 0 up are ordered as their bits are as integers."""
    bits = tf.bitcast(values, tf.int32)

    def step(index: tf.Tensor, bound: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        higher = bound + tf.bitwise.left_shift(1, _VALUE_BITS - 1 - index)
        return index + 1, tf.where(is_enough(bits >= higher[:, tf.newaxis]), higher, bound)

    start = tf.zeros_like(bits[:, 0])
    _, bound = tf.while_loop(lambda index, _: index < _VALUE_BITS, step, (tf.constant(0), start))
    return bits >= bound[:, tf.newaxis]


def _drawn(weights: tf.Tensor, uniform: tf.Tensor) -> tf.Tensor:
    """The token at ``uniform`` of each row's cumulative weights. Summed in blocks, then within one: a sum
    over a whole vocabulary costs more than all else, and XLA's the square of its length."""
    vocabulary_size = weights.shape[1]
    width = math.isqrt(vocabulary_size - 1) + 1
    padded = tf.pad(weights, [[0, 0], [0, -vocabulary_size % width]])
    blocks = tf.reshape(padded, [-1, padded.shape[1] // width, width])
    block_weights = tf.reduce_sum(blocks, axis=2)
    before = tf.cumsum(block_weights, axis=1, exclusive=True)
    target = uniform * (before[:, -1] + block_weights[:, -1])
    block = _place(before + block_weights, block_weights, target)
    within = tf.gather(blocks, block, batch_dims=1)
    rest = target - tf.gather(before, block, batch_dims=1)
    return block * width + _place(tf.cumsum(within, axis=1), within, rest)


def _place(cumulative: tf.Tensor, weights: tf.Tensor, target: tf.Tensor) -> tf.Tensor:
    place = tf.reduce_sum(tf.cast(cumulative <= target[:, tf.newaxis], tf.int32), axis=1)
    last = tf.reduce_max(tf.where(weights > 0.0, tf.range(weights.shape[1]), 0), axis=1)
    return tf.minimum(place, last)  # Rounding may put the target past the end.
