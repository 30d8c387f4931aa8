"""An LSTM stack whose cache is the layers' states."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from models.decoding.decoder import Decoder, whole_tiles
from models.document_attention import Documents


class LSTMDecoder(Decoder):
    """Cache: float32 ``(layers, 2, batch, width)``, hidden and cell states.

    ``weights`` holds ``embedding`` ``(vocabulary, width)`` unless the head is its transpose;
    ``head`` ``(width, vocabulary)``; ``projection`` where the embedding is of another width than the
    layers; and ``layers``, each with ``kernel`` ``(input width + width, 4 * width)`` for input and state
    side by side, and ``bias``, the gates in Keras' order: input, forget, cell, output.
    """

    def __init__(
        self,
        weights: dict[str, Any],
        width: int,
        context_length: int,
        vocabulary_size: int,
        document_start: int | None = None,
    ) -> None:
        super().__init__(context_length, vocabulary_size, document_start)
        self._width = width
        self.weights = weights

    def empty_cache(self, batch: tf.Tensor, length: tf.Tensor) -> tf.Tensor:
        del length  # A state has no positions.
        return tf.zeros([len(self.weights["layers"]), 2, batch, self._width])

    def read(
        self, token_ids: tf.Tensor, cache: tf.Tensor, positions: tf.Tensor, counts: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        del positions
        return self._read(token_ids, cache, counts, None)

    def read_documents(self, token_ids: tf.Tensor, cache: tf.Tensor, documents: Documents) -> tf.Tensor:
        counts = tf.fill([tf.shape(token_ids)[0]], tf.shape(token_ids)[1])
        return self._read(token_ids, cache, counts, documents.starts)[0]

    def _read(
        self, token_ids: tf.Tensor, cache: tf.Tensor, counts: tf.Tensor, starts: tf.Tensor | None
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """``starts``, bool ``(batch, n)``: before which tokens a row's states are forgotten."""
        batch, length = tf.shape(token_ids)[0], tf.shape(token_ids)[1]

        def step(index: tf.Tensor, state: tf.Tensor, hidden: tf.TensorArray) -> tuple[Any, ...]:
            if starts is not None:
                state = tf.where(starts[:, index][:, tf.newaxis], 0.0, state)
            output, after = self._step(token_ids[:, index], state)
            own = (index < counts)[:, tf.newaxis]
            return index + 1, tf.where(own, after, state), hidden.write(index, output)

        hidden = tf.TensorArray(tf.float32, length, element_shape=[None, self._width])
        invariant = tf.TensorShape([len(self.weights["layers"]), 2, None, self._width])
        _, cache, hidden = tf.while_loop(
            lambda index, *_: index < length,
            step,
            (tf.constant(0), cache, hidden),
            shape_invariants=(tf.TensorShape([]), invariant, None),
            parallel_iterations=1,
        )
        stacked = tf.reshape(hidden.stack(), [length, batch, self._width])
        return tf.transpose(stacked, [1, 0, 2]), cache

    def logits(self, hidden: tf.Tensor) -> tf.Tensor:
        x = whole_tiles(hidden)
        if "projection" in self.weights:
            x = tf.linalg.matmul(x, self.weights["projection"])
        return tf.linalg.matmul(x, self.weights["head"])[: tf.shape(hidden)[0]]

    def inserted(self, cache: tf.Tensor, row_cache: tf.Tensor, row: tf.Tensor) -> tf.Tensor:
        here = (tf.range(tf.shape(cache)[2]) == row)[:, tf.newaxis]
        return tf.where(here, row_cache, cache)

    def resized(self, cache: tf.Tensor, rows: tf.Tensor, length: tf.Tensor) -> tf.Tensor:
        del length
        return tf.gather(cache, rows, axis=2)

    def _step(self, token_ids: tf.Tensor, state: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """One token a row: the last layer's output ``(batch, width)`` and the new states."""
        batch = tf.shape(token_ids)[0]
        if "embedding" in self.weights:
            x = tf.gather(self.weights["embedding"], token_ids)
        else:
            x = tf.transpose(tf.gather(self.weights["head"], token_ids, axis=1))
        states = []
        for index, layer in enumerate(self.weights["layers"]):
            joined = whole_tiles(tf.concat([x, state[index, 0]], axis=-1))
            gates = (tf.linalg.matmul(joined, layer["kernel"]) + layer["bias"])[:batch]
            enter, keep, value, leave = tf.split(gates, 4, axis=-1)
            cell = tf.sigmoid(keep) * state[index, 1] + tf.sigmoid(enter) * tf.tanh(value)
            x = tf.sigmoid(leave) * tf.tanh(cell)
            states.append(tf.stack([x, cell]))
        return x, tf.stack(states)
