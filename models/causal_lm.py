"""The interface that training, generating, scoring and exporting share.

It is KerasHub's ``CausalLM``: a Keras model from ``{"token_ids", "padding_mask"}``
to logits, with ``call_with_cache`` for incremental decoding; and one method more,
`empty_cache`, because KerasHub builds the cache inside a private method and at one
fixed length. Nothing outside this package asks which family a model is of.
"""

from __future__ import annotations

from typing import Any, Protocol

import keras
import tensorflow as tf

from models.config import ModelConfig


class CausalLM(Protocol):
    """What this package asks of a model. Both families subclass ``keras_hub.models.CausalLM``."""

    trainable_variables: list[keras.Variable]
    context_length: int
    """Longest sequence that the model reads, in tokens."""

    def __call__(self, inputs: dict[str, tf.Tensor], training: bool = False) -> tf.Tensor:
        """``(batch, length)`` token ids to ``(batch, length, vocabulary)`` logits."""

    def count_params(self) -> int:
        """Parameters, those shared by input and output counted once."""

    def empty_cache(self, batch_size: tf.Tensor, length: tf.Tensor) -> tf.Tensor:
        """State before the first token, for sequences of up to ``length`` tokens. Its first
        axis is the batch; the others are the model's own affair."""

    def call_with_cache(
        self, token_ids: tf.Tensor, cache: tf.Tensor, cache_update_index: Any
    ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """Reads ``token_ids`` of shape ``(batch, n)`` at positions ``cache_update_index`` and
        following; returns logits ``(batch, n, vocabulary)``, hidden states and the new cache."""


def logits(model: CausalLM, token_ids: tf.Tensor, training: bool = False) -> tf.Tensor:
    """Logits in float32, ``(batch, length, vocabulary)``, for ``(batch, length)`` int32 ids.

    No padding mask is needed: padding only ever follows the tokens that count, and the
    model is causal.
    """
    inputs = {"token_ids": token_ids, "padding_mask": tf.ones_like(token_ids)}
    return tf.cast(model(inputs, training=training), tf.float32)


def build(config: ModelConfig, vocabulary_size: int, context_length: int) -> CausalLM:
    """A freshly initialised model of the configured family and size.

    Initial weights depend on Keras' random seed alone (``keras.utils.set_random_seed``).
    """
    if config.family == "lstm":
        from models.lstm import build_lstm

        return build_lstm(config, vocabulary_size, context_length)
    from models.transformer import build_transformer

    return build_transformer(config, vocabulary_size, context_length)
