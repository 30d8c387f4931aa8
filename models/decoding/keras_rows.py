"""Any KerasHub causal language model as a decoder: row by row, by its own ``call_with_cache``.

For models that `models.decoding.keras_weights` has no description of. KerasHub reads a whole batch
at one position, so each row is a call of its own: right, and slow for many rows.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any
from unittest import mock

import keras
import tensorflow as tf

from models.decoding.decoder import Decoder
from models.presets import lora


class KerasRowDecoder(Decoder):
    """Cache: ``(batch, layers, 2, length, key-value heads, head_dim)``, as KerasHub has it."""

    def __init__(
        self,
        model: Any,
        num_layers: int,
        num_key_value_heads: int,
        head_dim: int,
        context_length: int,
        vocabulary_size: int,
    ) -> None:
        super().__init__(context_length, vocabulary_size)
        self._variables = [variable.value for variable in model.variables]
        # Saved are the variables alone: the model's own bookkeeping is no part of what is served.
        self._model = self._no_dependency(model)
        self._num_layers = num_layers
        self._per_token = (num_key_value_heads, head_dim)

    def merge_adapters(self) -> None:
        """Afterwards the model computes the same, with no matrices but its own."""
        lora.merge(self._model.backbone)

    def compilable(self) -> None:
        """None: what ops KerasHub's models are made of is not known here."""

    def empty_cache(self, batch: tf.Tensor, length: tf.Tensor) -> tf.Tensor:
        cache = tf.zeros([batch, self._num_layers, 2, length, *self._per_token])
        return tf.ensure_shape(cache, [None, self._num_layers, 2, None, *self._per_token])

    def read(
        self, token_ids: tf.Tensor, cache: tf.Tensor, positions: tf.Tensor, counts: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        del counts  # What a row's padding wrote lies behind its last token, where nobody looks.

        def row(values: tuple[tf.Tensor, tf.Tensor, tf.Tensor]) -> tuple[tf.Tensor, tf.Tensor]:
            ids, own_cache, position = (value[tf.newaxis] for value in values)
            own_cache = tf.cast(own_cache, self._model.compute_dtype)
            with plain_slice_update():
                _, hidden, after = self._model.call_with_cache(ids, own_cache, position[0])
            return tf.cast(hidden[0], tf.float32), tf.cast(after[0], tf.float32)

        hidden_spec = tf.TensorSpec([None, self._model.backbone.hidden_dim], tf.float32)
        cache_spec = tf.TensorSpec(cache.shape[1:], tf.float32)
        hidden, after = tf.map_fn(
            row,
            (token_ids, cache, positions),
            fn_output_signature=(hidden_spec, cache_spec),
            parallel_iterations=1,
        )
        return hidden, tf.ensure_shape(after, cache.shape)

    def logits(self, hidden: tf.Tensor) -> tf.Tensor:
        hidden = tf.cast(hidden, self._model.compute_dtype)
        logits = self._model.backbone.token_embedding(hidden, reverse=True)
        return tf.cast(logits, tf.float32)[:, : self.vocabulary_size]

    def inserted(self, cache: tf.Tensor, row_cache: tf.Tensor, row: tf.Tensor) -> tf.Tensor:
        fitted = self.resized(row_cache, tf.constant([0]), tf.shape(cache)[3])
        here = tf.range(tf.shape(cache)[0]) == row
        return tf.where(tf.reshape(here, [-1, 1, 1, 1, 1, 1]), fitted, cache)

    def resized(self, cache: tf.Tensor, rows: tf.Tensor, length: tf.Tensor) -> tf.Tensor:
        kept = tf.gather(cache[:, :, :, :length], rows)
        room = length - tf.shape(kept)[3]
        return tf.pad(kept, [[0, 0]] * 3 + [[0, room]] + [[0, 0]] * 2)


@contextlib.contextmanager
def plain_slice_update() -> Iterator[None]:
    """While it holds, Keras' ``ops.slice_update`` traces to plain TensorFlow ops.

    KerasHub writes its key-value cache with it, and Keras' TensorFlow backend makes
    an ``XlaDynamicUpdateSlice`` of that: an op of the XLA bridge, with no promise that a
    server has it.
    """
    with mock.patch.object(keras.ops, "slice_update", _slice_update):
        yield


def _slice_update(
    inputs: tf.Tensor, start_indices: Sequence[tf.Tensor | int], updates: tf.Tensor
) -> tf.Tensor:
    updates = tf.cast(updates, inputs.dtype)
    start = tf.stack([tf.cast(index, tf.int32) for index in start_indices])
    room = tf.shape(inputs) - start - tf.shape(updates)
    paddings = tf.stack([start, room], axis=1)
    inside = tf.pad(tf.ones_like(updates, tf.bool), paddings)
    return tf.where(inside, tf.pad(updates, paddings), inputs)
