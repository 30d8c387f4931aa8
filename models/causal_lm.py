"""The interface that training, generating, scoring and exporting share.

It is KerasHub's ``CausalLM``: a Keras model from ``{"token_ids", "padding_mask"}`` to
logits; and one method more, `decoder`, because KerasHub's ``call_with_cache`` takes one
position for a whole batch. Nothing outside this package asks which family a model is of.
"""

from __future__ import annotations

from typing import Any, Protocol, cast

import keras
import tensorflow as tf

from models import document_attention
from models.config import ModelConfig
from models.decoding.decoder import Decoder
from models.document_attention import Documents


class CausalLM(Protocol):
    """What this package asks of a model: ``keras_hub.models.CausalLM``, or one around it."""

    trainable_variables: list[keras.Variable]
    backbone: Any
    """KerasHub's; its ``token_embedding.embeddings`` are ``(vocabulary, width)``."""
    non_trainable_variables: list[keras.Variable]
    non_trainable_weights: list[keras.Variable]
    """Without the state of random numbers, which ``non_trainable_variables`` has too."""
    context_length: int
    """Longest sequence that the model reads, in tokens."""

    def __call__(self, inputs: dict[str, tf.Tensor], training: bool = False) -> tf.Tensor:
        """``(batch, length)`` token ids to ``(batch, length, vocabulary)`` logits."""

    def decoder(self) -> Decoder:
        """The network as it is sampled from and exported: incremental, each row at its own position,
        with the weights of this moment (inside a ``tf.function``, of the moment of each call)."""

    def count_params(self) -> int:
        """Parameters, those shared by input and output counted once."""


class DocumentModel(CausalLM, Protocol):
    """A model that can read each document of a packed row as if it stood alone; a preset cannot."""

    document_start: int | None
    """The id that begins a document, where tokens see their own document only; else None. See
    `models.document_attention`."""

    def logits_within(self, token_ids: tf.Tensor, documents: Documents, training: bool) -> tf.Tensor:
        """As a call, with each token seeing its own document only."""


def logits(model: CausalLM, token_ids: tf.Tensor, training: bool = False) -> tf.Tensor:
    """Logits in float32, ``(batch, length, vocabulary)``, for ``(batch, length)`` int32 ids.

    No padding mask is needed: padding only ever follows the tokens that count, and the
    model is causal.
    """
    start_id = getattr(model, "document_start", None)
    if start_id is not None:
        documents = document_attention.find(token_ids, start_id)
        within = cast("DocumentModel", model).logits_within(token_ids, documents, training)
        return tf.cast(within, tf.float32)
    inputs = {"token_ids": token_ids, "padding_mask": tf.ones_like(token_ids)}
    return tf.cast(model(inputs, training=training), tf.float32)


def attend_within_documents(model: CausalLM, start_id: int) -> None:
    """From now on, and in what is exported, a token sees its own document only.

    Args:
      model: not a preset's, which the configuration refuses.
      start_id: the id that begins a document.
    """
    cast("DocumentModel", model).document_start = start_id


def build(config: ModelConfig, vocabulary_size: int, context_length: int) -> CausalLM:
    """A freshly initialised model of the configured family and size, or the preset with its weights.

    Initial weights depend on Keras' random seed alone (``keras.utils.set_random_seed``).
    """
    if config.family == "preset":
        from models.presets.model import load

        return load(config, vocabulary_size, context_length)
    if config.family == "lstm":
        from models.networks.lstm import build_lstm

        return build_lstm(config, vocabulary_size, context_length)
    from models.networks.transformer import build_transformer

    return build_transformer(config, vocabulary_size, context_length)
