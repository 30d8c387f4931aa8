"""The Transformer family, from KerasHub's backbones at any size, in two styles.

``gpt2``: learned positions, pre-LayerNorm blocks, GELU (Radford et al., 2019, "Language Models
are Unsupervised Multitask Learners", section 2.3). ``llama``: rotary positions, RMSNorm, SwiGLU, no
biases (Touvron et al., arXiv 2302.13971, section 2.2), and key and value heads that several query
heads share (Ainslie et al., arXiv 2305.13245). KerasHub's Llama drops out attention alone, its
GPT-2 the embeddings and the feed-forward layers too.
"""

from __future__ import annotations

from typing import Any

import keras
import keras_hub
import tensorflow as tf

from models.config import ModelConfig
from models.decoding.decoder import Decoder
from models.decoding.keras_weights import gpt2_decoder, llama_decoder
from models.document_attention import Documents


class GPT2StyleCausalLM(keras_hub.models.GPT2CausalLM):
    """``keras_hub.models.GPT2CausalLM`` that may have an output matrix of its own."""

    def __init__(
        self, backbone: keras_hub.models.GPT2Backbone, tied_embeddings: bool = True, **kwargs: Any
    ) -> None:
        self.output_layer = None
        self.document_start: int | None = None
        if tied_embeddings:
            super().__init__(backbone=backbone, preprocessor=None, **kwargs)
            return
        # === Layers ===
        self.backbone = backbone
        self.preprocessor = None
        self.output_layer = keras.layers.Dense(
            backbone.vocabulary_size,
            use_bias=False,
            kernel_initializer=keras.initializers.RandomNormal(stddev=0.02),
            name="output",
        )

        # === Functional model ===
        outputs = self.output_layer(backbone(backbone.input))
        keras_hub.models.CausalLM.__init__(self, inputs=backbone.input, outputs=outputs, **kwargs)

    def decoder(self) -> Decoder:
        """See `models.causal_lm.CausalLM`."""
        return gpt2_decoder(self.backbone, self.output_layer, document_start=self.document_start)

    def logits_within(self, token_ids: tf.Tensor, documents: Documents, training: bool) -> tf.Tensor:
        """See `models.causal_lm.CausalLM`: what KerasHub's backbone does, layer by layer."""
        backbone = self.backbone
        tokens = backbone.token_embedding(token_ids)
        table = tf.cast(backbone.position_embedding.position_embeddings, tokens.dtype)
        x = backbone.embeddings_add((tokens, tf.gather(table, documents.positions)))
        x = backbone.embeddings_dropout(x, training=training)
        for layer in backbone.transformer_layers:
            x = layer(x, decoder_attention_mask=documents.visible, training=training)
        x = backbone.layer_norm(x)
        if self.output_layer is not None:
            return self.output_layer(x)
        return backbone.token_embedding(x, reverse=True)

    @property
    def context_length(self) -> int:
        return self.backbone.max_sequence_length


class LlamaStyleCausalLM(keras_hub.models.LlamaCausalLM):
    """``keras_hub.models.LlamaCausalLM`` with a longest sequence, which rotary positions do not set."""

    def __init__(self, backbone: keras_hub.models.LlamaBackbone, context_length: int, **kwargs: Any) -> None:
        super().__init__(backbone=backbone, preprocessor=None, **kwargs)
        self.context_length = context_length
        self.document_start: int | None = None

    def decoder(self) -> Decoder:
        """See `models.causal_lm.CausalLM`."""
        return llama_decoder(self.backbone, self.context_length, self.document_start)

    def logits_within(self, token_ids: tf.Tensor, documents: Documents, training: bool) -> tf.Tensor:
        """See `models.causal_lm.CausalLM`. Rotary positions are differences of positions, and so the same
        wherever a document stands."""
        backbone = self.backbone
        x = backbone.token_embedding(token_ids)
        for layer in backbone.transformer_layers:
            x = layer(x, decoder_attention_mask=documents.visible, training=training)
        return backbone.token_embedding(backbone.layer_norm(x), reverse=True)


def build_transformer(
    config: ModelConfig, vocabulary_size: int, context_length: int
) -> GPT2StyleCausalLM | LlamaStyleCausalLM:
    """A Transformer of the configured style and size with fresh weights."""
    if config.style == "llama":
        backbone = keras_hub.models.LlamaBackbone(
            vocabulary_size=vocabulary_size,
            num_layers=config.num_layers,
            num_query_heads=config.num_heads,
            num_key_value_heads=config.key_value_heads,
            hidden_dim=config.hidden_dim,
            intermediate_dim=config.feed_forward_dim,
            dropout=config.dropout,
            tie_word_embeddings=config.tied_embeddings,
        )
        return LlamaStyleCausalLM(backbone, context_length, compile=False)
    backbone = keras_hub.models.GPT2Backbone(
        vocabulary_size=vocabulary_size,
        num_layers=config.num_layers,
        num_heads=config.num_heads,
        hidden_dim=config.hidden_dim,
        intermediate_dim=config.feed_forward_dim,
        dropout=config.dropout,
        max_sequence_length=context_length,
    )
    return GPT2StyleCausalLM(backbone, config.tied_embeddings, compile=False)
