"""Packed rows from TFRecord files to batches, by tf.data.

The order of training rows is a function of the files and the seed alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import tensorflow as tf

from models.features import NUM_BYTES, TOKEN_IDS

SHUFFLE_ROWS = 65_536
"""Rows held in memory for shuffling. The packer writes rows in an order that already mixes
documents, so a larger corpus loses little by it."""


class Batch(NamedTuple):
    """Some rows, stacked."""

    token_ids: tf.Tensor
    """int32 ``(batch, sequence_length + 1)``."""
    num_bytes: tf.Tensor
    """int64 ``(batch,)``: bytes of original text that each row's targets stand for."""


def training_batches(
    files: Sequence[str], sequence_length: int, batch_size: int, seed: int
) -> tf.data.Dataset:
    """Endless `Batch` elements of exactly ``batch_size`` rows, reshuffled each epoch."""
    records = tf.data.TFRecordDataset(sorted(files), compression_type="GZIP")
    records = records.shuffle(SHUFFLE_ROWS, seed=seed, reshuffle_each_iteration=True).repeat()
    return _parsed(records.batch(batch_size, drop_remainder=True), sequence_length)


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
            NUM_BYTES: tf.io.FixedLenFeature([], tf.int64),
        },
    )
    return Batch(tf.cast(row[TOKEN_IDS], tf.int32), row[NUM_BYTES])


def _parsed(batches: tf.data.Dataset, sequence_length: int) -> tf.data.Dataset:
    return batches.map(lambda serialized: parse(serialized, sequence_length)).prefetch(tf.data.AUTOTUNE)
