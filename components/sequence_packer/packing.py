"""Packs tokenised documents into rows of one length, losing and inventing nothing.

The contract is that of `models.features`. With ``sequence_length = 4``, END_ID 2 and PAD_ID 0,
the documents ``5 6 7`` (of 3, 1 and 1 bytes) and ``8 9`` (2 and 4 bytes)

    stream       2  5  6  7  2  8  9  2       8 tokens, so 7 targets
    bytes        0  3  1  1  0  2  4  0       an end token stands for no bytes

give two rows, which overlap by one token:

    token_ids    2  5  6  7  2      segment_ids  1  1  1  1  2      num_bytes  5
    token_ids    2  8  9  2  0      segment_ids  1  1  1  2  0      num_bytes  6

`num_bytes` counts the targets, that is all tokens of a row but its first. An end token opens the
segment of the text *after* it, as it is the context in which that text's first token is predicted,
in training as when a prompt is served: a model that attends within segments sees
``2 8 9`` for the second document wherever it stands in a row.

Cost: linear in tokens, vectorised; memory about 25 bytes for each token of a stream.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from components.protos import Example
from models.features import END_ID, NUM_BYTES, PAD_ID, SEGMENT_IDS, SOURCE, TOKEN_IDS


@dataclasses.dataclass(frozen=True)
class TokenizedDocument:
    """One document of a stream."""

    token_ids: np.ndarray
    """int32 ``(tokens,)``, without an end token."""
    num_bytes: int
    """Of its text."""


@dataclasses.dataclass(frozen=True)
class Row:
    """One packed row."""

    token_ids: np.ndarray
    """int32 ``(sequence_length + 1,)``"""
    segment_ids: np.ndarray
    """int32 ``(sequence_length + 1,)``"""
    num_bytes: int


def pack(
    documents: Sequence[TokenizedDocument], byte_lengths: np.ndarray, sequence_length: int
) -> Iterator[Row]:
    """Rows of one stream, in its order.

    Args:
      documents: at least one.
      byte_lengths: bytes of text by token id, ``(vocabulary_size,)``. Where a document's tokens
        sum to other than its bytes, its end token stands for the difference.
      sequence_length: targets of a row.
    """
    token_ids = _stream(document.token_ids for document in documents)
    num_bytes = byte_lengths[token_ids].astype(np.int64)
    ends = np.cumsum([len(document.token_ids) + 1 for document in documents])
    summed = np.add.reduceat(num_bytes, np.concatenate([[0], ends[:-1] + 1]))
    num_bytes[ends] += np.array([document.num_bytes for document in documents]) - summed

    num_rows = -(-(len(token_ids) - 1) // sequence_length)
    padding = num_rows * sequence_length + 1 - len(token_ids)
    token_ids = np.pad(token_ids, (0, padding), constant_values=PAD_ID)
    targets_bytes = np.pad(num_bytes[1:], (0, padding)).reshape(num_rows, sequence_length).sum(axis=1)
    for index in range(num_rows):
        row = token_ids[index * sequence_length : (index + 1) * sequence_length + 1]
        yield Row(row, segment_ids(row), int(targets_bytes[index]))


def segment_ids(token_ids: np.ndarray) -> np.ndarray:
    """``2 5 2 8 9 0 -> 1 1 2 2 2 0``: an end token opens a segment; a row's first token always does."""
    opens = token_ids == END_ID
    opens[0] = True
    return np.where(token_ids == PAD_ID, 0, np.cumsum(opens)).astype(np.int32)


def encode_row(row: Row, source: str) -> bytes:
    """A serialized ``tf.train.Example``, see `models.features.PACKED_ROW`; equal rows, equal bytes."""
    example = Example()
    features = example.features.feature
    features[TOKEN_IDS].int64_list.value.extend(row.token_ids.tolist())
    features[SEGMENT_IDS].int64_list.value.extend(row.segment_ids.tolist())
    features[NUM_BYTES].int64_list.value.append(row.num_bytes)
    features[SOURCE].bytes_list.value.append(source.encode())
    return bytes(example.SerializeToString(deterministic=True))


def _stream(documents: Iterable[np.ndarray]) -> np.ndarray:
    end = np.array([END_ID], np.int32)
    parts = [end]
    for token_ids in documents:
        parts += [token_ids, end]
    return np.concatenate(parts)
