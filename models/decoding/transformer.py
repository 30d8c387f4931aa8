"""A decoder-only Transformer over a cache of keys and values.

One description covers the styles there are: learned or rotary positions, LayerNorm or
RMSNorm, GELU or SwiGLU, biases or none, and heads that share keys and values. The
norms' scales and biases and the attention's scale are multiplied into the matrices that
follow them when the decoder is built, and queries, keys and values are one product: at
small widths the number of ops is what a step costs.

The cache is one tensor ``(layers, 2, key-value heads, batch, length, head_dim)``,
written in place (`models.decoding.writes`): copied for each layer of each step, it would
cost more than all else, and a variable is copied whenever it is read.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import tensorflow as tf

from models.decoding import writes
from models.decoding.decoder import Decoder, tile_paddings, whole_tiles
from models.document_attention import Documents

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
        self,
        shape: TransformerShape,
        weights: Weights,
        context_length: int,
        vocabulary_size: int,
        document_start: int | None = None,
    ) -> None:
        super().__init__(context_length, vocabulary_size, document_start)
        self._shape = shape
        self.weights = weights

    def compilable(self) -> Decoder | None:
        """GPT-2's style alone: rows of small models of Llama's had other last bits in company."""
        return super().compilable() if self._shape.norm == "layer" else None

    def empty_cache(self, batch: tf.Tensor, length: tf.Tensor) -> tf.Tensor:
        shape = [len(self.weights["layers"]), 2, self._shape.num_key_value_heads, batch, length]
        empty = writes.empty([*shape, self._shape.head_dim], tf.float32, self.in_place)
        return tf.ensure_shape(empty, [*shape[:3], None, None, self._shape.head_dim])

    def read(
        self, token_ids: tf.Tensor, cache: tf.Tensor, positions: tf.Tensor, counts: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        return self.reader(cache, tf.shape(token_ids)[1])(token_ids, cache, positions, counts)

    def read_documents(self, token_ids: tf.Tensor, cache: tf.Tensor, documents: Documents) -> tf.Tensor:
        batch, length = tf.unstack(tf.shape(token_ids))
        read = self.reader(cache, length)
        return read(token_ids, cache, tf.zeros([batch], tf.int32), tf.fill([batch], length), documents)[0]

    def reader(self, cache: tf.Tensor, length: tf.Tensor) -> Callable[..., tuple[tf.Tensor, tf.Tensor]]:
        plan = _Plan(self._shape, len(self.weights["layers"]), tf.shape(cache), length, self.in_place)
        weights = tf.nest.map_structure(tf.convert_to_tensor, self.weights)
        hidden_shape = tf.stack([tf.shape(cache)[3], length, weights["head"].shape[0]])

        def read(
            token_ids: tf.Tensor,
            cache: tf.Tensor,
            positions: tf.Tensor,
            counts: tf.Tensor,
            documents: Documents | None = None,
        ) -> tuple[tf.Tensor, tf.Tensor]:
            del counts  # What a row's padding wrote lies behind its last token, where nobody looks.
            attention = _Attention(self._shape, weights, plan, positions, documents)
            x = _embedded(weights, token_ids)
            if "positions" in weights:
                x += tf.gather(weights["positions"], tf.reshape(attention.clipped, [-1]))
            x = tf.pad(x, plan.tile_paddings)
            rows = tf.reshape(cache, [-1, self._shape.head_dim])
            for index, layer in enumerate(weights["layers"]):
                attended, rows = attention(_dense(self._normed(x), layer, "qkv"), rows, index)
                x += _dense(attended, layer, "out")
                x += _dense(self._activated(_dense(self._normed(x), layer, "up")), layer, "down")
            hidden = tf.reshape(tf.slice(x, [0, 0], plan.own_size), hidden_shape)
            return hidden, tf.reshape(rows, plan.cache_shape)

        return read

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
        rows = writes.written(
            tf.reshape(cache, [-1, self._shape.head_dim]),
            tf.reshape(index, [-1]),
            tf.reshape(row_cache, [-1, self._shape.head_dim]),
            self.in_place,
        )
        return tf.reshape(rows, tf.shape(cache))

    def resized(self, cache: tf.Tensor, rows: tf.Tensor, length: tf.Tensor) -> tf.Tensor:
        kept = tf.gather(cache[:, :, :, :, :length], rows, axis=3)
        room = length - tf.shape(kept)[4]
        return tf.pad(kept, [[0, 0]] * 4 + [[0, room], [0, 0]])

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


def _embedded(weights: Weights, token_ids: tf.Tensor) -> tf.Tensor:
    """float32 ``(batch * n, width)``."""
    token_ids = tf.reshape(token_ids, [-1])
    if "embedding" in weights:
        return tf.gather(weights["embedding"], token_ids)
    return tf.transpose(tf.gather(weights["head"], token_ids, axis=1))


class _Plan:
    """Shapes and places that are the same for every read of as many tokens into a cache of one shape.

    At small widths they are a third of a step's ops; in a loop they are computed before it.
    """

    def __init__(
        self,
        shape: TransformerShape,
        num_layers: int,
        cache_shape: tf.Tensor,
        length: tf.Tensor,
        in_place: bool,
    ) -> None:
        self.in_place = in_place
        heads, shared, width = shape.num_heads, shape.num_key_value_heads, shape.head_dim
        batch, room = cache_shape[3], cache_shape[4]
        self.cache_shape = cache_shape
        self.own_size = tf.stack([batch * length, -1])
        self.tile_paddings = tile_paddings(batch * length)
        self.offsets = tf.range(length)
        self.places = tf.range(room)
        sequences = tf.range(2 * shared * batch) * room
        self.sequences = tf.reshape(sequences, tf.stack([2 * shared, batch, 1]))
        """int32: where each head's keys and each head's values of each row of the batch start in a layer."""
        half = shared * batch * room
        self.starts = [2 * half * layer for layer in range(num_layers)]
        self.keys_at = [tf.stack([start, 0]) for start in self.starts]
        self.values_at = [tf.stack([start + half, 0]) for start in self.starts]
        self.half_size = tf.stack([half, width])
        self.split = tf.stack([batch, length, heads + 2 * shared, width])
        self.seen = tf.stack([shared, 1, batch, room, width])
        self.queries = tf.stack([shared, heads // shared, batch, length, width])
        self.attended = tf.stack([heads, batch, length, width])


class _Attention:
    """Causal attention over the cache; holds what all layers of one call share."""

    def __init__(
        self,
        shape: TransformerShape,
        weights: Weights,
        plan: _Plan,
        positions: tf.Tensor,
        documents: Documents | None = None,
    ) -> None:
        self._shape = shape
        self._plan = plan
        here = positions[:, tf.newaxis] + plan.offsets
        self._index = tf.reshape(plan.sequences + here, [-1])
        visible = plan.places <= here[:, :, tf.newaxis]
        if documents is not None:
            visible, here = documents.visible, documents.positions
        self._mask = tf.where(visible, 0.0, float("-inf"))
        table = weights["positions" if "positions" in weights else "cosines"]
        self.clipped = tf.minimum(here, table.shape[0] - 1)
        """int32 ``(batch, n)``: a padded token may stand past the context."""
        self._rotary = "cosines" in weights
        if self._rotary:
            self._cosines = tf.gather(weights["cosines"], self.clipped)
            self._sines = tf.gather(weights["sines"], self.clipped)

    def __call__(self, qkv: tf.Tensor, rows: tf.Tensor, layer: int) -> tuple[tf.Tensor, tf.Tensor]:
        """Attended values ``(whole tiles of batch * n, heads * head_dim)`` and the cache's rows."""
        plan, heads, width = self._plan, self._shape.num_heads, self._shape.head_dim
        own = tf.reshape(tf.slice(qkv, [0, 0], plan.own_size), plan.split)
        own = tf.transpose(own, [2, 0, 1, 3])
        if self._rotary:
            turned = heads + self._shape.num_key_value_heads
            own = tf.concat([self._turned(own[:turned]), own[turned:]], axis=0)
        rows = writes.written(
            rows, self._index + plan.starts[layer], tf.reshape(own[heads:], [-1, width]), plan.in_place
        )
        rows = tf.ensure_shape(rows, [None, width])
        keys = tf.reshape(tf.slice(rows, plan.keys_at[layer], plan.half_size), plan.seen)
        values = tf.reshape(tf.slice(rows, plan.values_at[layer], plan.half_size), plan.seen)
        scores = tf.linalg.matmul(tf.reshape(own[:heads], plan.queries), keys, transpose_b=True)
        attended = tf.linalg.matmul(tf.nn.softmax(scores + self._mask), values)
        attended = tf.transpose(tf.reshape(attended, plan.attended), [1, 2, 0, 3])
        return tf.pad(tf.reshape(attended, [-1, heads * width]), plan.tile_paddings), rows

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
