"""What generating and serving ask of a network: to read tokens at each row's own position.

KerasHub's ``call_with_cache`` takes one position for the whole batch; a server whose
requests come and go needs one a row. So the exported network is not the Keras model
but a decoder built from its weights, in as few and as large ops as a CPU likes, all of
them the stock server's. Tests hold its logits to the Keras model's within 1e-5.

**A row's numbers do not depend on its company.** In single steps each row must get the
same floating point results, bit for bit, alone and in any batch, or greedy text would
depend on who else is being served. A matrix product's kernel, and with it the order of
its sums, depends on its shape: oneDNN's, TensorFlow's default on Linux, was found to sum
alike for every number of rows that is a multiple of `ROW_TILE`, so all products run on
whole tiles of rows, and the products of single rows in attention alike for every
multiple of `ROOM_TILE`, so a cache to be read in single steps has such a room. (Eigen's,
with ``TF_ENABLE_ONEDNN_OPTS=0``, splits some products by their inner dimension.)
Everything else works row by row. What XLA makes of a decoder that `Decoder.compilable` gives
was found to keep rows apart likewise, in any number of rows and any room. Of a read of
several tokens the same holds for the same shapes only: a server reads prompts one by one,
in pieces that depend on the prompt alone.
"""

from __future__ import annotations

import abc
import copy
from collections.abc import Callable

import tensorflow as tf

from models import document_attention
from models.document_attention import Documents

ROW_TILE = 8
"""Rows of a matrix product are filled up to a multiple of this."""
ROOM_TILE = 128
"""Tokens; see the module."""
_COMPILED_BYTES = 16 * 2**20
"""Of weights. What a step costs in a small model is its ops, of which XLA makes a few, and in a large one the
products: compiled, a step of one row with 5 MB of weights took 0.18 ms instead of 0.43 on two cores, with
66 MB 3.2 instead of 3.6, and with 500 MB 22.9 instead of 20.6."""


class Decoder(tf.Module, abc.ABC):
    """A causal language model that reads tokens into a cache and predicts from it."""

    def __init__(self, context_length: int, vocabulary_size: int, document_start: int | None = None) -> None:
        super().__init__(name="decoder")
        self.context_length = context_length
        """Longest sequence that the model reads, in tokens."""
        self.vocabulary_size = vocabulary_size
        self.document_start = document_start
        """The id that begins a document, where `sequence_logits` is to let tokens see their own document only
        (`models.document_attention`); what is read into a cache is one document."""
        self.in_place = True
        """Whether caches are written in place; see `models.decoding.writes`."""

    def compilable(self) -> Decoder | None:
        """The same model with the same weights, for XLA to compile, where that pays."""
        num_bytes = sum(variable.dtype.size * variable.shape.num_elements() for variable in self.variables)
        if num_bytes > _COMPILED_BYTES:
            return None
        other = copy.copy(self)
        other.in_place = False
        return other

    @abc.abstractmethod
    def empty_cache(self, batch: tf.Tensor, length: tf.Tensor) -> tf.Tensor:
        """State before the first token for ``batch`` rows of up to ``length`` tokens."""

    @abc.abstractmethod
    def read(
        self, token_ids: tf.Tensor, cache: tf.Tensor, positions: tf.Tensor, counts: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Reads each row's tokens at its own position.

        The cache given must not be used again: its memory may be the returned one's.

        Args:
          token_ids: int32 ``(batch, n)``.
          cache: of ``batch`` rows, with room for ``positions + n`` tokens.
          positions: int32 ``(batch,)``, where each row's first token stands.
          counts: int32 ``(batch,)``, how many of a row's ``n`` tokens are its own. The others
            leave no trace once tokens are read at their positions.

        Returns:
          Hidden states, float32 ``(batch, n, width)``, and the new cache.
        """

    def reader(self, cache: tf.Tensor, length: tf.Tensor) -> Callable[..., tuple[tf.Tensor, tf.Tensor]]:
        """`read` for many calls with ``length`` tokens and caches of this one's shape: what the calls have
        in common is computed here, once, outside of a loop."""
        del cache, length
        return self.read

    def read_documents(self, token_ids: tf.Tensor, cache: tf.Tensor, documents: Documents) -> tf.Tensor:
        """Hidden states of whole rows into an empty cache, each token seeing its own document only."""
        raise NotImplementedError(f"{type(self).__name__} reads rows as one document")

    @abc.abstractmethod
    def logits(self, hidden: tf.Tensor) -> tf.Tensor:
        """float32 ``(rows, vocabulary)`` for hidden states ``(rows, width)``."""

    @abc.abstractmethod
    def inserted(self, cache: tf.Tensor, row_cache: tf.Tensor, row: tf.Tensor) -> tf.Tensor:
        """``cache`` with its row number ``row`` replaced by the one row of ``row_cache``, as far as it
        is long. The cache given must not be used again."""

    @abc.abstractmethod
    def resized(self, cache: tf.Tensor, rows: tf.Tensor, length: tf.Tensor) -> tf.Tensor:
        """A new cache of the given rows, int32 ``(new batch,)``, with room for ``length`` tokens."""

    def sequence_logits(self, token_ids: tf.Tensor) -> tf.Tensor:
        """float32 ``(batch, n, vocabulary)`` for whole sequences, int32 ``(batch, n)``."""
        batch, length = tf.unstack(tf.shape(token_ids))
        start = tf.zeros([batch], tf.int32)
        cache = self.empty_cache(batch, length)
        if self.document_start is None:
            hidden, _ = self.read(token_ids, cache, start, tf.fill([batch], length))
        else:
            documents = document_attention.find(token_ids, self.document_start)
            hidden = self.read_documents(token_ids, cache, documents)
        logits = self.logits(tf.reshape(hidden, [-1, hidden.shape[-1]]))
        return tf.reshape(logits, [batch, length, self.vocabulary_size])


def whole_tiles(rows: tf.Tensor) -> tf.Tensor:
    """``(n, width)`` filled up with zero rows to a multiple of `ROW_TILE`."""
    return tf.pad(rows, tile_paddings(tf.shape(rows)[0]))


def tile_paddings(num_rows: tf.Tensor) -> tf.Tensor:
    """What fills a matrix of so many rows up to whole tiles, as `tf.pad` takes it."""
    missing = tf.math.floormod(-num_rows, ROW_TILE)
    return tf.convert_to_tensor([[0, missing], [0, 0]])


def whole_room(length: tf.Tensor) -> tf.Tensor:
    """``length`` rounded up to a multiple of `ROOM_TILE`."""
    return length + tf.math.floormod(-length, ROOM_TILE)
