"""The LSTM family, behind the same interface as the Transformer.

Embedding, a stack of LSTM layers (Hochreiter and Schmidhuber, 1997) with dropout
between them, and an output layer that shares the embedding's weights (Press and
Wolf, arXiv 1608.05859). On a GPU, Keras runs the layers on cuDNN.
"""

from __future__ import annotations

from typing import Any

import keras
import keras_hub
import tensorflow as tf

from models.config import ModelConfig


class LSTMBackbone(keras_hub.models.Backbone):
    """Token ids ``(batch, length)`` to hidden states ``(batch, length, hidden_dim)``.

    ``max_sequence_length`` bounds what is read at a time, as it does for a Transformer,
    so that both families are trained and served alike; the network itself has no limit.
    """

    def __init__(
        self,
        vocabulary_size: int,
        num_layers: int,
        hidden_dim: int,
        dropout: float = 0.0,
        max_sequence_length: int = 1024,
        dtype: Any = None,
        **kwargs: Any,
    ) -> None:
        # === Layers ===
        self.token_embedding = keras_hub.layers.ReversibleEmbedding(
            vocabulary_size,
            hidden_dim,
            embeddings_initializer=keras.initializers.RandomNormal(stddev=0.05),
            dtype=dtype,
            name="token_embedding",
        )
        self.lstm_layers = [
            keras.layers.LSTM(
                hidden_dim, return_sequences=True, return_state=True, dtype=dtype, name=f"lstm_{index}"
            )
            for index in range(num_layers)
        ]
        self.dropout_layer = keras.layers.Dropout(dropout, dtype=dtype, name="dropout")

        # === Functional model ===
        token_ids = keras.Input(shape=(None,), dtype="int32", name="token_ids")
        padding_mask = keras.Input(shape=(None,), dtype="int32", name="padding_mask")
        is_token = keras.ops.expand_dims(keras.ops.cast(padding_mask, self.token_embedding.compute_dtype), -1)
        x = self.dropout_layer(self.token_embedding(token_ids) * is_token)
        for layer in self.lstm_layers:
            x = self.dropout_layer(layer(x)[0])
        super().__init__(
            inputs={"token_ids": token_ids, "padding_mask": padding_mask}, outputs=x, dtype=dtype, **kwargs
        )

        # === Config ===
        self.vocabulary_size = vocabulary_size
        self.num_layers = num_layers
        self.hidden_dim = hidden_dim
        self.dropout = dropout
        self.max_sequence_length = max_sequence_length

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "vocabulary_size": self.vocabulary_size,
            "num_layers": self.num_layers,
            "hidden_dim": self.hidden_dim,
            "dropout": self.dropout,
            "max_sequence_length": self.max_sequence_length,
        }


class LSTMCausalLM(keras_hub.models.CausalLM):
    """Next-token logits from an `LSTMBackbone`; the cache is the layers' states."""

    backbone_cls = LSTMBackbone

    def __init__(self, backbone: LSTMBackbone, preprocessor: Any = None, **kwargs: Any) -> None:
        # === Layers ===
        self.backbone = backbone
        self.preprocessor = preprocessor

        # === Functional model ===
        inputs = backbone.input
        outputs = backbone.token_embedding(backbone(inputs), reverse=True)
        super().__init__(inputs=inputs, outputs=outputs, **kwargs)

    @property
    def context_length(self) -> int:
        return self.backbone.max_sequence_length

    def empty_cache(self, batch_size: tf.Tensor, length: tf.Tensor) -> tf.Tensor:
        """Zeros of shape ``(batch, layers, 2, hidden_dim)``, whatever the ``length``."""
        shape = [batch_size, self.backbone.num_layers, 2, self.backbone.hidden_dim]
        return tf.zeros(shape, self.compute_dtype)

    def call_with_cache(
        self, token_ids: tf.Tensor, cache: tf.Tensor, cache_update_index: Any
    ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """See `models.causal_lm.CausalLM`; the index is not needed, as a state has no positions."""
        x = self.backbone.token_embedding(token_ids)
        states = []
        for index, layer in enumerate(self.backbone.lstm_layers):
            state = [cache[:, index, 0], cache[:, index, 1]]
            if token_ids.shape[1] == 1:  # One cell call instead of a loop of length one.
                output, state = layer.cell(x[:, 0], state)
                x = output[:, tf.newaxis]
            else:
                x, *state = layer(x, initial_state=state)
            states.append(tf.stack(state, axis=1))
        logits = self.backbone.token_embedding(x, reverse=True)
        return logits, x, tf.stack(states, axis=1)


def build_lstm(config: ModelConfig, vocabulary_size: int, context_length: int) -> LSTMCausalLM:
    """An LSTM stack of the configured size with fresh weights."""
    backbone = LSTMBackbone(
        vocabulary_size=vocabulary_size,
        num_layers=config.num_layers,
        hidden_dim=config.hidden_dim,
        dropout=config.dropout,
        max_sequence_length=context_length,
    )
    return LSTMCausalLM(backbone, compile=False)
