"""Packed rows at random access: any row by its number.

So the order of training is a function of seed and step, and a run that goes on reads on where it was
without skipping through data. Compressed TFRecord files can only be read from the front: they are read
once, at the start, into memory-mapped files of plain numbers on a local disk, 2 bytes a token (4 when the
vocabulary has more than 65,536) and 1 for the loss mask. The operating system's page cache keeps in memory
what fits.
"""

from __future__ import annotations

import dataclasses
import tempfile
from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from models import rows

ROWS_AT_A_TIME = 1024


@dataclasses.dataclass(frozen=True)
class RowStore:
    """The rows of one split."""

    token_ids: np.ndarray
    """uint16 or int32 ``(rows, length + 1)``."""
    loss_mask: np.ndarray
    """bool ``(rows, length)``: which targets count."""
    num_bytes: np.ndarray
    """int64 ``(rows,)``: bytes of original text that a row's counted targets stand for."""

    def __len__(self) -> int:
        return len(self.num_bytes)


def build(files: Sequence[str], sequence_length: int, vocabulary_size: int, directory: str) -> RowStore:
    """Reads every row of ``files``, in the files' order, into files of ``directory``, which must be local."""
    dtype = np.uint16 if vocabulary_size <= 1 << 16 else np.int32
    num_bytes: list[np.ndarray] = []
    with (
        tempfile.TemporaryFile(dir=directory) as token_ids,
        tempfile.TemporaryFile(dir=directory) as loss_mask,
    ):
        for batch in rows.evaluation_batches(files, sequence_length, ROWS_AT_A_TIME):
            token_ids.write(batch.token_ids.numpy().astype(dtype).tobytes())
            loss_mask.write(batch.loss_mask.numpy().astype(np.bool_).tobytes())
            num_bytes.append(batch.num_bytes.numpy())
        count = sum(map(len, num_bytes))
        if not count:
            return RowStore(
                np.zeros((0, sequence_length + 1), dtype),
                np.zeros((0, sequence_length), np.bool_),
                np.zeros(0, np.int64),
            )
        token_ids.flush()
        loss_mask.flush()
        return RowStore(
            np.memmap(token_ids, dtype, "r", shape=(count, sequence_length + 1)),
            np.memmap(loss_mask, np.bool_, "r", shape=(count, sequence_length)),
            np.concatenate(num_bytes),
        )


def order(num_rows: int, batch_size: int, seed: int, step: int) -> np.ndarray:
    """Numbers of the rows that the 0-based ``step`` trains on, int64 ``(batch_size,)``.

    Rows are drawn without replacement, epoch by epoch, each epoch in an order of its own; a batch
    may span two epochs. The permutation is computed, not stored: TensorFlow's ``index_shuffle``,
    a block cipher over the row numbers.
    """
    positions = np.arange(step * batch_size, (step + 1) * batch_size, dtype=np.int64)
    epochs, offsets = np.divmod(positions, num_rows)
    if num_rows == 1:
        return np.zeros_like(positions)
    shuffled = np.empty_like(positions)
    for epoch in np.unique(epochs):
        inside = epochs == epoch
        key = np.array([seed, epoch], np.int64)
        shuffled[inside] = tf.random.experimental.index_shuffle(offsets[inside], key, num_rows - 1).numpy()
    return shuffled
