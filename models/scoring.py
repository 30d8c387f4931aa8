"""Negative log-likelihood of token sequences: the one loss of training, evaluation and scoring."""

from __future__ import annotations

import tensorflow as tf

from models.causal_lm import CausalLM, logits


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
