"""The LSTM family, behind the same interface as the Transformer.

Embedding, a stack of LSTM layers (Hochreiter and Schmidhuber, 1997) with dropout
around each (Zaremba et al., arXiv 1409.2329) and, by choice, on their states (Gal and Ghahramani,
arXiv 1512.05287), and an output layer that may share the embedding's weights (Press and
Wolf, arXiv 1608.05859). Where the embedding is narrower than the layers, as in AWD-LSTM (Merity
et al., arXiv 1708.02182), a matrix without bias projects the last layer to its width. On a GPU, Keras
runs the layers on cuDNN, unless their states are dropped.
"""

from __future__ import annotations

from typing import Any

import keras
import keras_hub
import tensorflow as tf

from models.config import ModelConfig
from models.decoding.decoder import Decoder
from models.decoding.keras_weights import lstm_decoder
from models.document_attention import Documents
from models.networks.lstm_layer import LSTM


class LSTMBackbone(keras_hub.models.Backbone):
    """Token ids ``(batch, length)`` to hidden states ``(batch, length, embedding_dim)``.

    ``max_sequence_length`` bounds what is read at a time, as it does for a Transformer,
    so that both families are trained and served alike; the network itself has no limit.
    """

    def __init__(
        self,
        vocabulary_size: int,
        num_layers: int,
        hidden_dim: int,
        embedding_dim: int | None = None,
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        tied_embeddings: bool = True,
        max_sequence_length: int = 1024,
        dtype: Any = None,
        **kwargs: Any,
    ) -> None:
        embedding_dim = embedding_dim or hidden_dim

        # === Layers ===
        self.token_embedding = keras_hub.layers.ReversibleEmbedding(
            vocabulary_size,
            embedding_dim,
            tie_weights=tied_embeddings,
            embeddings_initializer=keras.initializers.RandomNormal(stddev=0.05),
            dtype=dtype,
            name="token_embedding",
        )
        self.lstm_layers = [
            LSTM(
                hidden_dim,
                recurrent_dropout=recurrent_dropout,
                return_sequences=True,
                return_state=True,
                dtype=dtype,
                name=f"lstm_{index}",
            )
            for index in range(num_layers)
        ]
        self.projection = None
        if embedding_dim != hidden_dim:
            self.projection = keras.layers.Dense(
                embedding_dim, use_bias=False, dtype=dtype, name="projection"
            )
        self.dropout_layer = keras.layers.Dropout(dropout, dtype=dtype, name="dropout")

        # === Functional model ===
        token_ids = keras.Input(shape=(None,), dtype="int32", name="token_ids")
        padding_mask = keras.Input(shape=(None,), dtype="int32", name="padding_mask")
        is_token = keras.ops.expand_dims(keras.ops.cast(padding_mask, self.token_embedding.compute_dtype), -1)
        x = self.dropout_layer(self.token_embedding(token_ids) * is_token)
        for layer in self.lstm_layers:
            x = self.dropout_layer(layer(x)[0])
        x = self.projected(x)
        super().__init__(
            inputs={"token_ids": token_ids, "padding_mask": padding_mask}, outputs=x, dtype=dtype, **kwargs
        )

        # === Config ===
        self.vocabulary_size = vocabulary_size
        self.num_layers = num_layers
        self.hidden_dim = hidden_dim
        self.embedding_dim = embedding_dim
        self.dropout = dropout
        self.recurrent_dropout = recurrent_dropout
        self.tied_embeddings = tied_embeddings
        self.max_sequence_length = max_sequence_length

    def projected(self, hidden_states: tf.Tensor) -> tf.Tensor:
        """From the last layer's width to the embedding's."""
        return hidden_states if self.projection is None else self.projection(hidden_states)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "vocabulary_size": self.vocabulary_size,
            "num_layers": self.num_layers,
            "hidden_dim": self.hidden_dim,
            "embedding_dim": self.embedding_dim,
            "dropout": self.dropout,
            "recurrent_dropout": self.recurrent_dropout,
            "tied_embeddings": self.tied_embeddings,
            "max_sequence_length": self.max_sequence_length,
        }


class LSTMCausalLM(keras_hub.models.CausalLM):
    """Next-token logits from an `LSTMBackbone`."""

    backbone_cls = LSTMBackbone

    def __init__(self, backbone: LSTMBackbone, preprocessor: Any = None, **kwargs: Any) -> None:
        # === Layers ===
        self.backbone = backbone
        self.preprocessor = preprocessor

        # === Functional model ===
        inputs = backbone.input
        outputs = backbone.token_embedding(backbone(inputs), reverse=True)
        super().__init__(inputs=inputs, outputs=outputs, **kwargs)
        self.document_start: int | None = None

    def decoder(self) -> Decoder:
        """See `models.causal_lm.CausalLM`."""
        return lstm_decoder(self.backbone, self.document_start)

    def logits_within(self, token_ids: tf.Tensor, documents: Documents, training: bool) -> tf.Tensor:
        """See `models.causal_lm.CausalLM`: states are forgotten where a document begins."""
        backbone = self.backbone
        x = backbone.dropout_layer(backbone.token_embedding(token_ids), training=training)
        for layer in backbone.lstm_layers:
            x = backbone.dropout_layer(layer.read_documents(x, documents.starts, training), training=training)
        return backbone.token_embedding(backbone.projected(x), reverse=True)

    @property
    def context_length(self) -> int:
        return self.backbone.max_sequence_length


def build_lstm(config: ModelConfig, vocabulary_size: int, context_length: int) -> LSTMCausalLM:
    """An LSTM stack of the configured size with fresh weights."""
    backbone = LSTMBackbone(
        vocabulary_size=vocabulary_size,
        num_layers=config.num_layers,
        hidden_dim=config.hidden_dim,
        embedding_dim=config.embedding_dim,
        dropout=config.dropout,
        recurrent_dropout=config.recurrent_dropout,
        tied_embeddings=config.tied_embeddings,
        max_sequence_length=context_length,
    )
    return LSTMCausalLM(backbone, compile=False)
