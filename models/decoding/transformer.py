"""A decoder-only Transformer over a cache of keys and values.

One description covers the styles there are: learned or rotary positions, LayerNorm or
RMSNorm, GELU or SwiGLU, biases or none, and heads that share keys and values. The
norms' scales and biases and the attention's scale are multiplied into the matrices that
follow them when the decoder is built, and queries, keys and values are one product: at
small widths the number of ops is what a step costs.

The cache is one tensor ``(layers, 2, key-value heads, batch, length, head_dim)``,
written in place by ``InplaceUpdate``: ``TensorScatterUpdate`` copies the whole of it for
each layer of each step, and a variable is copied whenever it is read. Written in place
means that whoever holds the old tensor sees the new values.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import tensorflow as tf

from models.decoding.decoder import Decoder, whole_tiles

Weights = dict[str, Any]
"""Nested dictionaries and lists of tensors or variables; see `TransformerDecoder`."""


@dataclasses.dataclass(frozen=True)
class TransformerShape:
    """What the weights do not say."""

    num_heads: int
    num_key_value_heads: int
    head_dim: int
    norm: str
    """``layer`` or ``rms``."""
    norm_epsilon: float
    activation: str
    """``gelu`` (by tanh), or ``swiglu``, for which ``up`` is gate and value side by side."""


class TransformerDecoder(Decoder):
    """See the module.

    ``weights`` holds ``head`` ``(width, vocabulary)``; ``embedding`` ``(vocabulary, width)`` unless the
    head is its transpose; ``final_scale`` and perhaps ``final_shift`` of the last norm; ``positions``
    ``(context, width)``, or ``cosines`` and ``sines``, each ``(context, head_dim / 2)``; and
    ``layers``, each with ``qkv`` ``(width, (heads + 2 key-value heads) * head_dim)``, ``out``, ``up`` and
    ``down``, and their biases under ``<name>_bias`` where there are any.
    """

    def __init__(
        self, shape: TransformerShape, weights: Weights, context_length: int, vocabulary_size: int
    ) -> None:
        super().__init__(context_length, vocabulary_size)
        self._shape = shape
        self.weights = weights

    def empty_cache(self, batch: tf.Tensor, length: tf.Tensor) -> tf.Tensor:
        shape = [len(self.weights["layers"]), 2, self._shape.num_key_value_heads, batch, length]
        # Stateful, so never folded into a constant, which must not be written to.
        empty = tf.raw_ops.Empty(shape=[*shape, self._shape.head_dim], dtype=tf.float32, init=True)
        return tf.ensure_shape(empty, [*shape[:3], None, None, self._shape.head_dim])

    def read(
        self, token_ids: tf.Tensor, cache: tf.Tensor, positions: tf.Tensor, counts: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        del counts  # What a row's padding wrote lies behind its last token, where nobody looks.
        batch, length = tf.shape(token_ids)[0], tf.shape(token_ids)[1]
        attention = _Attention(self._shape, self.weights, tf.shape(cache), positions, length)
        x = self._embedded(token_ids)
        if "positions" in self.weights:
            x += tf.gather(self.weights["positions"], tf.reshape(attention.clipped, [-1]))
        x = whole_tiles(x)
        rows = tf.reshape(cache, [-1, self._shape.head_dim])
        for index, layer in enumerate(self.weights["layers"]):
            attended, rows = attention(_dense(self._normed(x), layer, "qkv"), rows, index)
            x += _dense(attended, layer, "out")
            x += _dense(self._activated(_dense(self._normed(x), layer, "up")), layer, "down")
        hidden = tf.reshape(x[: batch * length], [batch, length, x.shape[-1]])
        return hidden, tf.reshape(rows, tf.shape(cache))

    def logits(self, hidden: tf.Tensor) -> tf.Tensor:
        x = self._normed(whole_tiles(hidden)) * self.weights["final_scale"]
        if "final_shift" in self.weights:
            x += self.weights["final_shift"]
        return tf.linalg.matmul(x, self.weights["head"])[: tf.shape(hidden)[0]]

    def inserted(self, cache: tf.Tensor, row_cache: tf.Tensor, row: tf.Tensor) -> tf.Tensor:
        batch, length = tf.shape(cache)[3], tf.shape(cache)[4]
        row_cache = row_cache[:, :, :, 0, :length]
        heads = tf.range(tf.reduce_prod(tf.shape(cache)[:3]))[:, tf.newaxis]
        index = (heads * batch + row) * length + tf.range(tf.shape(row_cache)[3])
        rows = tf.raw_ops.InplaceUpdate(
            x=tf.reshape(cache, [-1, self._shape.head_dim]),
            i=tf.reshape(index, [-1]),
            v=tf.reshape(row_cache, [-1, self._shape.head_dim]),
        )
        return tf.reshape(rows, tf.shape(cache))

    def resized(self, cache: tf.Tensor, rows: tf.Tensor, length: tf.Tensor) -> tf.Tensor:
        kept = tf.gather(cache[:, :, :, :, :length], rows, axis=3)
        room = length - tf.shape(kept)[4]
        return tf.pad(kept, [[0, 0]] * 4 + [[0, room], [0, 0]])

    def _embedded(self, token_ids: tf.Tensor) -> tf.Tensor:
        """float32 ``(batch * n, width)``."""
        token_ids = tf.reshape(token_ids, [-1])
        if "embedding" in self.weights:
            return tf.gather(self.weights["embedding"], token_ids)
        return tf.transpose(tf.gather(self.weights["head"], token_ids, axis=1))

    def _normed(self, x: tf.Tensor) -> tf.Tensor:
        if self._shape.norm == "layer":
            x -= tf.reduce_mean(x, axis=-1, keepdims=True)
        variance = tf.reduce_mean(tf.square(x), axis=-1, keepdims=True)
        return x * tf.math.rsqrt(variance + self._shape.norm_epsilon)

    def _activated(self, x: tf.Tensor) -> tf.Tensor:
        if self._shape.activation == "swiglu":
            gate, value = tf.split(x, 2, axis=-1)
            return gate * tf.sigmoid(gate) * value
        # x / 2 * (1 + tanh(z)) is x * sigmoid(2 z), with z = sqrt(2 / pi) * (x + 0.044715 x^3).
        return x * tf.sigmoid(x * (1.5957691216057308 + 0.07135481282864 * tf.square(x)))


class _Attention:
    """Causal attention over the cache; holds what all layers of one call share."""

    def __init__(
        self,
        shape: TransformerShape,
        weights: Weights,
        cache_shape: tf.Tensor,
        positions: tf.Tensor,
        length: tf.Tensor,
    ) -> None:
        self._shape = shape
        self._batch, self._room, self._length = cache_shape[3], cache_shape[4], length
        here = positions[:, tf.newaxis] + tf.range(length)
        self._rows_per_layer = 2 * shape.num_key_value_heads * self._batch * self._room
        sequences = tf.range(2 * shape.num_key_value_heads * self._batch)
        sequences = tf.reshape(sequences, [2 * shape.num_key_value_heads, self._batch, 1])
        self._index = tf.reshape(sequences * self._room + here, [-1])
        visible = tf.range(self._room) <= here[:, :, tf.newaxis]
        self._mask = tf.where(visible, 0.0, float("-inf"))
        tables = weights.get("positions", weights.get("cosines"))
        self.clipped = tf.minimum(here, tf.shape(tables)[0] - 1)
        """int32 ``(batch, n)``: a padded token may stand past the context."""
        self._rotary = "cosines" in weights
        if self._rotary:
            self._cosines = tf.gather(weights["cosines"], self.clipped)
            self._sines = tf.gather(weights["sines"], self.clipped)

    def __call__(self, qkv: tf.Tensor, rows: tf.Tensor, layer: int) -> tuple[tf.Tensor, tf.Tensor]:
        """Attended values ``(whole tiles of batch * n, heads * head_dim)`` and the cache's rows."""
        heads, shared, width = self._shape.num_heads, self._shape.num_key_value_heads, self._shape.head_dim
        own = qkv[: self._batch * self._length]
        own = tf.reshape(own, [self._batch, self._length, heads + 2 * shared, width])
        own = tf.transpose(own, [2, 0, 1, 3])
        if self._rotary:
            own = tf.concat([self._turned(own[: heads + shared]), own[heads + shared :]], axis=0)
        start = layer * self._rows_per_layer
        rows = tf.raw_ops.InplaceUpdate(x=rows, i=self._index + start, v=tf.reshape(own[heads:], [-1, width]))
        rows = tf.ensure_shape(rows, [None, width])
        half = self._rows_per_layer // 2
        seen = [shared, 1, self._batch, self._room, width]
        keys = tf.reshape(rows[start : start + half], seen)
        values = tf.reshape(rows[start + half : start + 2 * half], seen)
        queries = [shared, heads // shared, self._batch, self._length, width]
        scores = tf.linalg.matmul(tf.reshape(own[:heads], queries), keys, transpose_b=True)
        attended = tf.linalg.matmul(tf.nn.softmax(scores + self._mask), values)
        attended = tf.reshape(attended, [heads, self._batch, self._length, width])
        attended = tf.reshape(tf.transpose(attended, [1, 2, 0, 3]), [-1, heads * width])
        return whole_tiles(attended), rows

    def _turned(self, x: tf.Tensor) -> tf.Tensor:
        """Rotary positions (Su et al., arXiv 2104.09864), the pairs a half apart."""
        first, second = tf.split(x, 2, axis=-1)
        return tf.concat(
            [
                first * self._cosines - second * self._sines,
                second * self._cosines + first * self._sines,
            ],
            axis=-1,
        )


def _dense(x: tf.Tensor, weights: Weights, name: str) -> tf.Tensor:
    product = tf.linalg.matmul(x, weights[name])
    if f"{name}_bias" not in weights:
        return product
    # Grappler makes one op of these two, which it does not of a product and a sum.
    return tf.nn.bias_add(product, weights[f"{name}_bias"])
