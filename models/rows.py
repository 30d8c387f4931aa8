"""Packed rows from TFRecord files to batches, by tf.data, in the files' order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import tensorflow as tf

from models.features import LOSS_MASK, NUM_BYTES, TOKEN_IDS


class Batch(NamedTuple):
    """Some rows, stacked."""

    token_ids: tf.Tensor
    """int32 ``(batch, sequence_length + 1)``."""
    loss_mask: tf.Tensor
    """float32 ``(batch, sequence_length)``: 1.0 where ``token_ids[:, 1:]`` is a target that counts."""
    num_bytes: tf.Tensor
    """int64 ``(batch,)``: bytes of original text that each row's targets that count stand for."""


def evaluation_batches(files: Sequence[str], sequence_length: int, batch_size: int) -> tf.data.Dataset:
    """Each row once, in file order; the last `Batch` may be smaller."""
    records = tf.data.TFRecordDataset(sorted(files), compression_type="GZIP")
    return _parsed(records.batch(batch_size), sequence_length)


def parse(serialized: tf.Tensor, sequence_length: int) -> Batch:
    """Serialized examples of packed rows, string ``(batch,)``, to tensors."""
    row = tf.io.parse_example(
        serialized,
        {
            TOKEN_IDS: tf.io.FixedLenFeature([sequence_length + 1], tf.int64),
            LOSS_MASK: tf.io.FixedLenFeature([sequence_length + 1], tf.int64),
            NUM_BYTES: tf.io.FixedLenFeature([], tf.int64),
        },
    )
    loss_mask = tf.cast(row[LOSS_MASK][:, 1:], tf.float32)
    return Batch(tf.cast(row[TOKEN_IDS], tf.int32), loss_mask, row[NUM_BYTES])


def _parsed(batches: tf.data.Dataset, sequence_length: int) -> tf.data.Dataset:
    return batches.map(lambda serialized: parse(serialized, sequence_length)).prefetch(tf.data.AUTOTUNE)
