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

Cost: linear in tokens, vectorised. A stream is packed some `_TOKENS_AT_A_TIME` at a time, so memory does not
grow with its length: about 60 bytes for each of these tokens, or of the longest document's.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np

from components.sequence_packer import row_codec
from models.tokenizing.vocabulary import Vocabulary

_TOKENS_AT_A_TIME = 1 << 19


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
class Rows:
    """Some consecutive rows of a stream, all arrays of integers."""

    token_ids: np.ndarray
    """``(rows, sequence_length + 1)``, as are the next two."""
    segment_ids: np.ndarray
    loss_mask: np.ndarray
    num_bytes: np.ndarray
    """``(rows,)``."""
    masked_tokens: np.ndarray
    """Targets that are prompts'; ``(rows,)``, as is `masked_bytes`."""
    masked_bytes: np.ndarray
    """Of text that these stand for."""

    def __len__(self) -> int:
        return len(self.num_bytes)

    def encode(self, source: str, language: str = "", length: str = "") -> list[bytes]:
        """Records (`row_codec`)."""
        arrays = (self.token_ids, self.segment_ids, self.loss_mask, self.num_bytes)
        return row_codec.encode_rows(*arrays, source, language, length)


def pack_stream(
    documents: Iterable[TokenizedDocument], vocabulary: Vocabulary, sequence_length: int
) -> Iterator[Rows]:
    """Rows of one stream, in its order, some at a time.

    Args:
      documents: those of the stream.
      vocabulary: the tokenizer's. Where the tokens of a document that count sum to other bytes than
        its text has, its end token stands for the difference; likewise the last token of its prompt.
      sequence_length: targets of a row.
    """
    left = _beginning(vocabulary)
    for batch in _batches(documents):
        stream = _Stream.joined(left, _tokens(batch, vocabulary))
        num_rows = (len(stream.token_ids) - 1) // sequence_length
        if num_rows:
            yield _cut(stream, num_rows, sequence_length)
        left = stream.after(num_rows * sequence_length)
    if len(left.token_ids) > 1:
        yield _cut(left.padded(sequence_length + 1, vocabulary.pad_id), 1, sequence_length)


class _Stream(NamedTuple):
    """A part of a stream; each array is ``(tokens,)``."""

    token_ids: np.ndarray
    """int32."""
    kinds: np.ndarray
    """int8: one of `_COUNTS`, `_PROMPT`, `_START` and `_PADDING`."""
    opens: np.ndarray
    """int8: 1 where a segment begins, on start tokens and on end tokens that are such, too; 0 elsewhere."""
    num_bytes: np.ndarray
    """int32."""

    @classmethod
    def joined(cls, first: _Stream, second: _Stream) -> _Stream:
        return cls(*(np.concatenate(pair) for pair in zip(first, second, strict=True)))

    def after(self, index: int) -> _Stream:
        return _Stream(*(array[index:].copy() for array in self))

    def padded(self, length: int, pad_id: int) -> _Stream:
        """Filled up; its only row's segments become 0 there by `_PADDING`."""
        missing = length - len(self.token_ids)
        fill = (pad_id, _PADDING, 0, 0)
        return _Stream(
            *(
                np.pad(array, (0, missing), constant_values=value)
                for array, value in zip(self, fill, strict=True)
            )
        )


_PADDING, _START, _PROMPT, _COUNTS = range(4)


def _beginning(vocabulary: Vocabulary) -> _Stream:
    """What stands before a stream's first document: a token that ends and starts documents, or nothing."""
    ids = [vocabulary.start_id] if vocabulary.start_id == vocabulary.end_id else []
    count = len(ids)
    return _Stream(
        np.array(ids, np.int32),
        np.full(count, _START, np.int8),
        np.ones(count, np.int8),
        np.zeros(count, np.int32),
    )


def _batches(documents: Iterable[TokenizedDocument]) -> Iterator[list[TokenizedDocument]]:
    batch: list[TokenizedDocument] = []
    size = 0
    for document in documents:
        batch.append(document)
        size += len(document.token_ids) + 1
        if size >= _TOKENS_AT_A_TIME:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _tokens(documents: Sequence[TokenizedDocument], vocabulary: Vocabulary) -> _Stream:
    """At least one document, each with its end token, and with its start token where that is another."""
    is_shared = vocabulary.start_id == vocabulary.end_id
    start, end = np.array([vocabulary.start_id], np.int32), np.array([vocabulary.end_id], np.int32)
    lengths = np.array([len(document.token_ids) for document in documents])
    ends = np.cumsum(lengths + (1 if is_shared else 2)) - 1
    firsts = ends - lengths
    parts: list[np.ndarray] = []
    for document in documents:
        parts += [document.token_ids, end] if is_shared else [start, document.token_ids, end]
    token_ids = np.concatenate(parts, dtype=np.int32)
    kinds = np.full(len(token_ids), _COUNTS, np.int8)
    opens = np.zeros(len(token_ids), np.int8)
    if is_shared:
        opens[ends] = 1
    else:
        opens[firsts - 1] = 1
        kinds[firsts - 1] = _START
    prompt_ends = firsts + [document.num_prompt_tokens for document in documents]
    for first, prompt_end in zip(firsts.tolist(), prompt_ends.tolist(), strict=True):
        kinds[first:prompt_end] = _PROMPT
    num_bytes = vocabulary.byte_lengths[token_ids].astype(np.int32)
    _balance(num_bytes, documents, firsts, prompt_ends, ends)
    return _Stream(token_ids, kinds, opens, num_bytes)


def _balance(
    num_bytes: np.ndarray,
    documents: Sequence[TokenizedDocument],
    firsts: np.ndarray,
    prompt_ends: np.ndarray,
    ends: np.ndarray,
) -> None:
    """Makes the bytes of prompts and of completions those of their texts."""
    summed = np.concatenate([[0], np.cumsum(num_bytes, dtype=np.int64)])
    prompt_bytes = np.array([document.num_prompt_bytes for document in documents], np.int64)
    completion_bytes = np.array([document.num_bytes for document in documents], np.int64) - prompt_bytes
    num_bytes[ends] += (completion_bytes - (summed[ends + 1] - summed[prompt_ends])).astype(np.int32)
    has_prompt = prompt_ends > firsts
    missing = prompt_bytes - (summed[prompt_ends] - summed[firsts])
    num_bytes[prompt_ends[has_prompt] - 1] += missing[has_prompt].astype(np.int32)


def _cut(stream: _Stream, num_rows: int, sequence_length: int) -> Rows:
    """The first ``num_rows`` rows."""
    token_ids, kinds, opens, num_bytes = (_windows(array, num_rows, sequence_length) for array in stream)
    loss_mask = (kinds == _COUNTS).astype(np.int8)
    loss_mask[:, 0] = 0
    is_masked = kinds[:, 1:] == _PROMPT
    opens[:, 0] = 1
    segment_ids = np.cumsum(opens, axis=1, dtype=np.int32)
    segment_ids[kinds == _PADDING] = 0
    row_bytes = (num_bytes * loss_mask).sum(axis=1, dtype=np.int64)
    masked_bytes = (num_bytes[:, 1:] * is_masked).sum(axis=1, dtype=np.int64)
    return Rows(token_ids, segment_ids, loss_mask, row_bytes, is_masked.sum(axis=1), masked_bytes)


def _windows(array: np.ndarray, num_rows: int, sequence_length: int) -> np.ndarray:
    """``(num_rows, sequence_length + 1)``: a copy, as windows overlap by one."""
    windows = np.lib.stride_tricks.sliding_window_view(array, sequence_length + 1)
    return windows[: num_rows * sequence_length : sequence_length].copy()
