"""Packs tokenised documents into rows of one length, losing and inventing nothing.

The contract is that of `models.features`. With ``sequence_length = 4``, end token 2 and padding 0,
the documents ``5 6 7`` (of 3, 1 and 1 bytes) and ``8 9`` (2 and 4 bytes), whose ``8`` is a prompt,

    stream       2  5  6  7  2  8  9  2       8 tokens, so 7 targets
    bytes        0  3  1  1  0  2  4  0       an end token stands for no bytes
    counts       0  1  1  1  1  0  1  1       a prompt is context, and no part of the loss

give two rows, which overlap by one token:

    token_ids    2  5  6  7  2      segment_ids  1  1  1  1  2
    loss_mask    0  1  1  1  1      num_bytes    5
    token_ids    2  8  9  2  0      segment_ids  1  1  1  2  0
    loss_mask    0  0  1  1  0      num_bytes    4

`num_bytes` are those of the targets that count: a row's first token is not its target. An end token,
or the start token where the tokenizer has one,
opens the segment of the text *after* it, as it is the context in which that text's first token is
predicted, in training as when a prompt is served: a model that attends within segments sees
``2 8 9`` for the second document wherever it stands in a row.

Cost: linear in tokens, vectorised; memory about 40 bytes for each token of a stream.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence

import numpy as np

from components.protos import Example
from models.features import LANGUAGE, LENGTH, LOSS_MASK, NUM_BYTES, SEGMENT_IDS, SOURCE, TOKEN_IDS
from models.tokenizing.vocabulary import Vocabulary


@dataclasses.dataclass(frozen=True)
class TokenizedDocument:
    """One document of a stream."""

    token_ids: np.ndarray
    """int32 ``(tokens,)``, without an end token."""
    num_bytes: int
    """Of its text."""
    num_prompt_tokens: int = 0
    """How many of the tokens, from the first, are a prompt."""
    num_prompt_bytes: int = 0


@dataclasses.dataclass(frozen=True)
class Row:
    """One packed row; each array is ``(sequence_length + 1,)`` of integers."""

    token_ids: np.ndarray
    segment_ids: np.ndarray
    loss_mask: np.ndarray
    num_bytes: int


def pack(
    documents: Sequence[TokenizedDocument], vocabulary: Vocabulary, sequence_length: int
) -> Iterator[Row]:
    """Rows of one stream, in its order.

    Args:
      documents: at least one.
      vocabulary: the tokenizer's. Where the tokens of a document that count sum to other bytes than
        its text has, its end token stands for the difference.
      sequence_length: targets of a row.
    """
    starts, ends, token_ids = _stream(documents, vocabulary)
    counts = _counts(documents, starts, ends)
    num_bytes = vocabulary.byte_lengths[token_ids].astype(np.int64)
    num_bytes *= counts
    summed = np.add.reduceat(num_bytes, starts + 1)
    num_bytes[ends] += [document.num_bytes - document.num_prompt_bytes for document in documents] - summed
    is_start = np.zeros(len(token_ids), np.int8)
    is_start[starts] = 1
    if vocabulary.start_id == vocabulary.end_id:
        is_start[ends] = 1

    num_rows = -(-(len(token_ids) - 1) // sequence_length)
    padding = num_rows * sequence_length + 1 - len(token_ids)
    row_bytes = np.pad(num_bytes[1:], (0, padding)).reshape(num_rows, sequence_length).sum(axis=1)
    token_ids = _windows(np.pad(token_ids, (0, padding), constant_values=vocabulary.pad_id), sequence_length)
    loss_mask = _windows(np.pad(counts, (0, padding)), sequence_length)
    loss_mask[:, 0] = 0
    opens = _windows(np.pad(is_start, (0, padding)), sequence_length)
    opens[:, 0] = 1
    segment_ids = np.cumsum(opens, axis=1, dtype=np.int32)
    segment_ids[-1, sequence_length + 1 - padding :] = 0
    for index in range(num_rows):
        yield Row(token_ids[index], segment_ids[index], loss_mask[index], int(row_bytes[index]))


def encode_row(row: Row, source: str, language: str = "", length: str = "") -> bytes:
    """A serialized ``tf.train.Example``, see `models.features.PACKED_ROW`; equal rows, equal bytes."""
    example = Example()
    features = example.features.feature
    features[TOKEN_IDS].int64_list.value.extend(row.token_ids.tolist())
    features[SEGMENT_IDS].int64_list.value.extend(row.segment_ids.tolist())
    features[LOSS_MASK].int64_list.value.extend(row.loss_mask.tolist())
    features[NUM_BYTES].int64_list.value.append(row.num_bytes)
    for name, value in ((SOURCE, source), (LANGUAGE, language), (LENGTH, length)):
        features[name].bytes_list.value.append(value.encode())
    return bytes(example.SerializeToString(deterministic=True))


def _stream(
    documents: Sequence[TokenizedDocument], vocabulary: Vocabulary
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Where in the stream each document's start token and its end token stand, and the stream's ids. One
    token may be both: the end of a document and the start of the next."""
    is_shared = vocabulary.start_id == vocabulary.end_id
    start, end = np.array([vocabulary.start_id], np.int32), np.array([vocabulary.end_id], np.int32)
    lengths = np.array([len(document.token_ids) for document in documents])
    ends = np.cumsum(lengths + (1 if is_shared else 2)) - (0 if is_shared else 1)
    parts = [start]
    for document in documents:
        parts += [document.token_ids, end] if is_shared else [document.token_ids, end, start]
    ids = np.concatenate(parts)
    return ends - lengths - 1, ends, ids if is_shared else ids[:-1]


def _counts(documents: Sequence[TokenizedDocument], starts: np.ndarray, ends: np.ndarray) -> np.ndarray:
    """1 on each token of the stream that counts as a target: no start token's, and no prompt's."""
    counts = np.ones(ends[-1] + 1, np.int8)
    counts[starts] = 0
    counts[ends] = 1
    for document, start in zip(documents, starts.tolist(), strict=True):
        counts[start + 1 : start + 1 + document.num_prompt_tokens] = 0
    return counts


def _windows(stream: np.ndarray, sequence_length: int) -> np.ndarray:
    """``(rows, sequence_length + 1)``: a copy, as windows overlap by one."""
    return np.lib.stride_tricks.sliding_window_view(stream, sequence_length + 1)[::sequence_length].copy()
