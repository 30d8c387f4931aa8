"""Attention within documents: in a packed row, each document is read as if it stood alone.

A row holds the ends of some documents and the starts of others. By default a token sees all tokens before
it in its row, those of other documents, too. With ``packing.attention = "document"`` it sees those of its own
document only, and positions count from the document's start: so a model is trained on what it is asked when
a prompt is served, and what a row happens to hold besides changes nothing.

Which tokens begin a document is read off the ids: the tokenizer's start token does, and no text spells it.
The documents are the packer's `segment_ids` (`models.features`; a test compares). With the start token 2,

    token_ids    5  6  2  7  8  2
    positions    0  1  0  1  2  0
    visible      each token to itself and to those of its document before it

Cost: a mask of ``length x length`` booleans a row, as attention itself has; on an LSTM, two products a token.
"""

from __future__ import annotations

from typing import NamedTuple

import tensorflow as tf


class Documents(NamedTuple):
    """Of a batch of rows."""

    starts: tf.Tensor
    """bool ``(batch, length)``: where a document begins."""
    visible: tf.Tensor
    """bool ``(batch, length, length)``: whether the token of the second axis sees that of the third."""
    positions: tf.Tensor
    """int32 ``(batch, length)``, from 0 at a document's start, or the row's."""


def find(token_ids: tf.Tensor, start_id: int) -> Documents:
    """The documents of rows, int32 ``(batch, length)``."""
    starts = token_ids == start_id
    numbers = tf.cumsum(tf.cast(starts, tf.int32), axis=1)
    places = tf.range(tf.shape(token_ids)[1])
    same = numbers[:, :, tf.newaxis] == numbers[:, tf.newaxis, :]
    visible = same & (places[tf.newaxis, :] <= places[:, tf.newaxis])
    return Documents(starts, visible, tf.reduce_sum(tf.cast(visible, tf.int32), axis=2) - 1)
