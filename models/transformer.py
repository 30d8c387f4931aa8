"""The Transformer family: KerasHub's GPT-2 at any size.

Learned positions, pre-LayerNorm blocks, GELU, tied embeddings (Radford et al., 2019,
"Language Models are Unsupervised Multitask Learners", section 2.3).
"""

from __future__ import annotations

import keras_hub
import tensorflow as tf

from models.config import ModelConfig


class TransformerCausalLM(keras_hub.models.GPT2CausalLM):
    """``keras_hub.models.GPT2CausalLM`` that also says how its cache starts."""

    @property
    def context_length(self) -> int:
        return self.backbone.max_sequence_length

    def empty_cache(self, batch_size: tf.Tensor, length: tf.Tensor) -> tf.Tensor:
        """Zeros of shape ``(batch, layers, 2, length, heads, head_dim)``: keys and values."""
        backbone = self.backbone
        head_dim = backbone.hidden_dim // backbone.num_heads
        shape = [batch_size, backbone.num_layers, 2, length, backbone.num_heads, head_dim]
        return tf.zeros(shape, self.compute_dtype)


def build_transformer(config: ModelConfig, vocabulary_size: int, context_length: int) -> TransformerCausalLM:
    """A GPT-2 of the configured size with fresh weights."""
    backbone = keras_hub.models.GPT2Backbone(
        vocabulary_size=vocabulary_size,
        num_layers=config.num_layers,
        num_heads=config.num_heads,
        hidden_dim=config.hidden_dim,
        intermediate_dim=config.intermediate_dim or 4 * config.hidden_dim,
        dropout=config.dropout,
        max_sequence_length=context_length,
    )
    return TransformerCausalLM(backbone=backbone, preprocessor=None, compile=False)
