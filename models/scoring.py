"""Negative log-likelihood of token sequences, the one loss of training, evaluation and scoring; and what else
the evaluation sums of predictions."""

from __future__ import annotations

import tensorflow as tf

from models.causal_lm import CausalLM, logits
from models.prediction_measures import (
    BIN_CONFIDENCE,
    BIN_CORRECT,
    BIN_TOKENS,
    BRIER,
    NLL,
    NUM_BINS,
    NUM_CORRECT,
    NUM_TOKENS,
)


def token_nll(model: CausalLM, token_ids: tf.Tensor, weights: tf.Tensor, training: bool = False) -> tf.Tensor:
    """Negative log-likelihood of each token given those before it, times its weight.

    Args:
      model: the language model.
      token_ids: int32 ``(batch, length + 1)``; ``[:, :-1]`` predicts ``[:, 1:]``.
      weights: float32 ``(batch, length)``: 1.0 where the target counts, 0.0 where it does not
        (a prompt, padding).
      training: whether dropout is on.

    Returns:
      nll in nats, float32 ``(batch, length)``.
    """
    return nll_of_logits(logits(model, token_ids[:, :-1], training), token_ids, weights)


def nll_of_logits(logits: tf.Tensor, token_ids: tf.Tensor, weights: tf.Tensor) -> tf.Tensor:
    """`token_nll` from the logits at ``token_ids[:, :-1]``, float32 ``(batch, length, vocabulary)``."""
    nll = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=token_ids[:, 1:], logits=logits)
    return nll * weights


def prediction_sums(logits: tf.Tensor, token_ids: tf.Tensor, weights: tf.Tensor) -> dict[str, tf.Tensor]:
    """Sums over each row's targets that count, as `models.prediction_measures` defines them, but for the
    bytes.

    Args:
      logits: at ``token_ids[:, :-1]``, float32 ``(batch, length, vocabulary)``.
      token_ids: int32 ``(batch, length + 1)``.
      weights: float32 ``(batch, length)``: 1.0 where the target counts, else 0.0.

    Returns:
      float32 ``(batch,)``, and ``(batch, NUM_BINS)`` for the sums by bin.
    """
    nll = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=token_ids[:, 1:], logits=logits)
    log_total = tf.reduce_logsumexp(logits, axis=-1)
    confidence = tf.exp(tf.reduce_max(logits, axis=-1) - log_total)
    likeliest = tf.argmax(logits, axis=-1, output_type=tf.int32)
    is_correct = tf.cast(likeliest == token_ids[:, 1:], tf.float32)
    # Sum of (p - [is the target])^2 over the vocabulary: sum of p^2, less 2 p of the target, and 1.
    squares = tf.exp(tf.reduce_logsumexp(2.0 * logits, axis=-1) - 2.0 * log_total)
    brier = squares - 2.0 * tf.exp(-nll) + 1.0
    bin_index = tf.clip_by_value(tf.cast(tf.math.ceil(confidence * NUM_BINS), tf.int32) - 1, 0, NUM_BINS - 1)
    bins = tf.one_hot(bin_index, NUM_BINS) * weights[..., tf.newaxis]
    return {
        NLL: tf.reduce_sum(nll * weights, axis=1),
        NUM_TOKENS: tf.reduce_sum(weights, axis=1),
        NUM_CORRECT: tf.reduce_sum(is_correct * weights, axis=1),
        BRIER: tf.reduce_sum(brier * weights, axis=1),
        BIN_TOKENS: tf.reduce_sum(bins, axis=1),
        BIN_CONFIDENCE: tf.einsum("blk,bl->bk", bins, confidence),
        BIN_CORRECT: tf.einsum("blk,bl->bk", bins, is_correct),
    }
