from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st

from components.sequence_packer import packing
from components.sequence_packer.packing import TokenizedDocument
from models.features import END_ID, NUM_SPECIAL_TOKENS, PACKED_ROW, PAD_ID
from models.tokenizing.vocabulary import Vocabulary

BYTE_LENGTHS = np.array([0, 0, 0, 1, 1, 3, 1, 1, 2, 4], np.int32)
TOKENS = tuple(b"x" * int(length) for length in BYTE_LENGTHS)
VOCABULARY = Vocabulary(TOKENS, start_id=END_ID, end_id=END_ID, pad_id=PAD_ID)
DOCUMENTS = st.lists(
    st.lists(st.integers(NUM_SPECIAL_TOKENS, len(BYTE_LENGTHS) - 1), max_size=40), min_size=1, max_size=12
)
PAIRS = st.lists(
    st.tuples(*[st.lists(st.integers(NUM_SPECIAL_TOKENS, len(BYTE_LENGTHS) - 1), max_size=20)] * 2),
    min_size=1,
    max_size=12,
)
"""Prompts and completions."""


def document(token_ids: list[int], num_bytes: int | None = None) -> TokenizedDocument:
    ids = np.array(token_ids, np.int32)
    return TokenizedDocument(ids, int(BYTE_LENGTHS[ids].sum()) if num_bytes is None else num_bytes)


class Row(NamedTuple):
    token_ids: np.ndarray
    segment_ids: np.ndarray
    loss_mask: np.ndarray
    num_bytes: int


def rows_of(
    documents: list[TokenizedDocument], sequence_length: int, vocabulary: Vocabulary = VOCABULARY
) -> list[Row]:
    """Those of the stream, one by one."""
    return [
        Row(*row)
        for rows in packing.pack_stream(documents, vocabulary, sequence_length)
        for row in zip(rows.token_ids, rows.segment_ids, rows.loss_mask, rows.num_bytes, strict=True)
    ]


def pack(documents: list[list[int]], sequence_length: int) -> list[Row]:
    return rows_of([document(ids) for ids in documents], sequence_length)


def document_of(prompt: list[int], completion: list[int]) -> TokenizedDocument:
    whole = document(prompt + completion)
    return TokenizedDocument(whole.token_ids, whole.num_bytes, len(prompt), int(BYTE_LENGTHS[prompt].sum()))


def pack_pairs(pairs: list[tuple[list[int], list[int]]], sequence_length: int) -> list[Row]:
    return rows_of([document_of(*pair) for pair in pairs], sequence_length)


def slow_pack(documents: list[list[int]], sequence_length: int) -> list[tuple[list[int], list[int], int]]:
    """One token at a time, as the contract is written."""
    stream = [END_ID]
    for ids in documents:
        stream += [*ids, END_ID]
    rows = []
    for start in range(0, len(stream) - 1, sequence_length):
        row = stream[start : start + sequence_length + 1]
        segments: list[int] = []
        for index, token_id in enumerate(row):
            segments.append(1 if index == 0 else segments[-1] + (token_id == END_ID))
        padding = [0] * (sequence_length + 1 - len(row))
        rows.append((row + padding, segments + padding, int(BYTE_LENGTHS[row[1:]].sum())))
    return rows


def test_the_example() -> None:
    first, second = pack_pairs([([], [5, 6, 7]), ([8], [9])], sequence_length=4)

    assert first.token_ids.tolist() == [2, 5, 6, 7, 2]
    assert first.segment_ids.tolist() == [1, 1, 1, 1, 2]
    assert first.loss_mask.tolist() == [0, 1, 1, 1, 1]
    assert first.num_bytes == 5
    assert second.token_ids.tolist() == [2, 8, 9, 2, 0]
    assert second.segment_ids.tolist() == [1, 1, 1, 2, 0]
    assert second.loss_mask.tolist() == [0, 0, 1, 1, 0]
    assert second.num_bytes == 4


@given(DOCUMENTS, st.integers(1, 20))
def test_rows_are_as_a_slow_reading_of_the_contract_makes_them(
    documents: list[list[int]], sequence_length: int
) -> None:
    rows = pack(documents, sequence_length)

    assert [(row.token_ids.tolist(), row.segment_ids.tolist(), row.num_bytes) for row in rows] == slow_pack(
        documents, sequence_length
    )


@given(DOCUMENTS, st.integers(1, 20))
def test_every_token_is_a_target_exactly_once(documents: list[list[int]], sequence_length: int) -> None:
    targets = np.concatenate([row.token_ids[1:] for row in pack(documents, sequence_length)])

    expected = [token_id for ids in documents for token_id in [*ids, END_ID]]
    assert targets[targets != PAD_ID].tolist() == expected


@given(PAIRS, st.integers(1, 20))
def test_the_mask_is_exactly_the_completions_tokens(
    pairs: list[tuple[list[int], list[int]]], sequence_length: int
) -> None:
    rows = pack_pairs(pairs, sequence_length)

    targets = [
        (int(token_id), int(counts))
        for row in rows
        for token_id, counts in zip(row.token_ids[1:], row.loss_mask[1:], strict=True)
    ]
    expected = []
    for prompt, completion in pairs:
        expected += [(token_id, 0) for token_id in prompt]
        expected += [(token_id, 1) for token_id in [*completion, END_ID]]
    assert targets[: len(expected)] == expected
    assert set(targets[len(expected) :]) <= {(PAD_ID, 0)}
    assert not any(row.loss_mask[0] for row in rows)


@given(PAIRS, st.integers(1, 20))
def test_the_rows_bytes_are_those_of_the_targets_that_count(
    pairs: list[tuple[list[int], list[int]]], sequence_length: int
) -> None:
    rows = pack_pairs(pairs, sequence_length)

    for row in rows:
        assert row.num_bytes == (BYTE_LENGTHS[row.token_ids] * row.loss_mask).sum()
    assert sum(row.num_bytes for row in rows) == sum(BYTE_LENGTHS[pair[1]].sum() for pair in pairs)


@given(PAIRS, st.integers(1, 20))
def test_a_prompt_changes_nothing_but_what_counts(
    pairs: list[tuple[list[int], list[int]]], sequence_length: int
) -> None:
    plain = pack([prompt + completion for prompt, completion in pairs], sequence_length)

    for row, plain_row in zip(pack_pairs(pairs, sequence_length), plain, strict=True):
        assert row.token_ids.tolist() == plain_row.token_ids.tolist()
        assert row.segment_ids.tolist() == plain_row.segment_ids.tolist()
        assert (row.loss_mask <= plain_row.loss_mask).all()


@given(DOCUMENTS, st.integers(1, 20), st.integers(0, 1000))
def test_the_rows_bytes_sum_to_the_documents_bytes(
    documents: list[list[int]], sequence_length: int, surplus: int
) -> None:
    inputs = [document(ids, surplus + 3 * len(ids)) for ids in documents]

    rows = rows_of(inputs, sequence_length)

    assert sum(row.num_bytes for row in rows) == sum(item.num_bytes for item in inputs)


def test_a_difference_in_bytes_goes_to_the_documents_own_end_token() -> None:
    inputs = [document([3, 3], num_bytes=9), document([3, 3, 3])]

    rows = rows_of(inputs, sequence_length=3)

    assert [row.num_bytes for row in rows] == [9, 3, 0]


def test_a_document_longer_than_the_row_is_split() -> None:
    assert [row.token_ids.tolist() for row in pack([[3, 4, 5, 6, 7]], sequence_length=3)] == [
        [2, 3, 4, 5],
        [5, 6, 7, 2],
    ]


def test_padding_stands_only_at_the_end_of_the_last_row() -> None:
    rows = pack([[3] * 10, [4] * 7], sequence_length=8)

    assert all(PAD_ID not in row.token_ids for row in rows[:-1])
    assert rows[-1].token_ids.tolist() == [4, 4, 4, 2, 0, 0, 0, 0, 0]
    assert rows[-1].segment_ids.tolist() == [1, 1, 1, 2, 0, 0, 0, 0, 0]
    assert rows[-1].loss_mask.tolist() == [0, 1, 1, 1, 0, 0, 0, 0, 0]


def test_an_encoded_row_has_the_features_of_the_contract() -> None:
    [rows] = packing.pack_stream([document_of([5, 6], [7])], VOCABULARY, sequence_length=4)
    [record] = rows.encode("plays")
    kinds = {"int64": tf.int64, "string": tf.string, "float32": tf.float32}
    parsing = {
        feature.name: tf.io.FixedLenFeature([5] if feature.per_token else [], kinds[feature.dtype])
        for feature in PACKED_ROW
    }

    parsed = tf.io.parse_single_example(record, parsing)

    assert parsed["token_ids"].numpy().tolist() == [2, 5, 6, 7, 2]
    assert parsed["segment_ids"].numpy().tolist() == [1, 1, 1, 1, 2]
    assert parsed["loss_mask"].numpy().tolist() == [0, 0, 0, 1, 1]
    assert parsed["num_bytes"].numpy() == 1
    assert parsed["source"].numpy() == b"plays"
    assert set(tf.train.Example.FromString(record).features.feature) == set(parsing)


@pytest.mark.parametrize("sequence_length", [1, 4, 5])
def test_rows_overlap_by_one_token(sequence_length: int) -> None:
    rows = pack([[3, 4, 5], [6, 7, 8, 9]], sequence_length)

    assert [row.token_ids[-1] for row in rows[:-1]] == [row.token_ids[0] for row in rows[1:]]


STARTING = Vocabulary(TOKENS, start_id=1, end_id=END_ID, pad_id=PAD_ID)
"""Of a tokenizer that has a start token beside its end token."""


def test_a_start_token_opens_each_document_and_never_counts() -> None:
    inputs = [document_of([], [5, 6, 7]), document_of([8], [9])]

    first, second = rows_of(inputs, 4, STARTING)

    assert first.token_ids.tolist() == [1, 5, 6, 7, 2]
    assert first.segment_ids.tolist() == [1, 1, 1, 1, 1]
    assert first.loss_mask.tolist() == [0, 1, 1, 1, 1]
    assert second.token_ids.tolist() == [2, 1, 8, 9, 2]
    assert second.segment_ids.tolist() == [1, 2, 2, 2, 2]
    assert second.loss_mask.tolist() == [0, 0, 0, 1, 1]
    assert (first.num_bytes, second.num_bytes) == (5, 4)


@given(PAIRS, st.integers(1, 20))
def test_with_a_start_token_what_counts_is_the_same(
    pairs: list[tuple[list[int], list[int]]], sequence_length: int
) -> None:
    documents = [document_of(*pair) for pair in pairs]
    rows = rows_of(documents, sequence_length, STARTING)
    plain = pack_pairs(pairs, sequence_length)

    def counted(rows: list[Row]) -> list[int]:
        return [int(token) for row in rows for token in row.token_ids[row.loss_mask == 1]]

    assert counted(rows) == counted(plain)
    assert sum(row.num_bytes for row in rows) == sum(row.num_bytes for row in plain)
