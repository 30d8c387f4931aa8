"""Negative log-likelihood of token sequences: the one loss of training, evaluation and scoring."""

from __future__ import annotations

import tensorflow as tf

from models.causal_lm import CausalLM, logits
from models.features import PAD_ID


def token_nll(model: CausalLM, token_ids: tf.Tensor, training: bool = False) -> tuple[tf.Tensor, tf.Tensor]:
    """Negative log-likelihood of each token given those before it, and which tokens count.

    Args:
      model: the language model.
      token_ids: int32 ``(batch, length + 1)``; ``[:, :-1]`` predicts ``[:, 1:]``.
      training: whether dropout is on.

    Returns:
      nll in nats, float32 ``(batch, length)``, zero on padding; and weights of that shape, 1.0
      where the target is a token and 0.0 where it is padding.
    """
    targets = token_ids[:, 1:]
    nll = tf.nn.sparse_softmax_cross_entropy_with_logits(
        labels=targets, logits=logits(model, token_ids[:, :-1], training)
    )
    weights = tf.cast(targets != PAD_ID, tf.float32)
    return nll * weights, weights
