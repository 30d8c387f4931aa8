from __future__ import annotations

import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st

from components import documents, text_measures
from components.documents import FEATURES, Document

TEXTS = st.text(st.characters(exclude_categories=["Cs"]))


@given(TEXTS, TEXTS, TEXTS)
def test_decoding_gives_the_document_back(prompt: str, completion: str, source: str) -> None:
    document = Document(prompt + completion, source, "a#1", len(prompt.encode()), num_masked=3)

    decoded = documents.decode(documents.encode(document))

    assert decoded == document
    assert decoded.split_prompt() == (prompt, completion)


def test_an_encoded_document_is_a_tensorflow_example_with_the_declared_features() -> None:
    serialized = documents.encode(Document("Où  est\tla mer ?\n", "prose", "a.txt#7"))

    features = tf.train.Example.FromString(serialized).features.feature

    assert set(features) == set(FEATURES)
    assert features["text"].bytes_list.value == ["Où  est\tla mer ?\n".encode()]
    assert features["num_bytes"].int64_list.value == [18]
    assert features["num_words"].int64_list.value == [5]
    assert features["num_prompt_bytes"].int64_list.value == [0]
    assert features["num_lines"].int64_list.value == [1]
    assert list(features["mean_word_length"].float_list.value) == pytest.approx([2.2])
    assert list(features["symbol_ratio"].float_list.value) == pytest.approx([1 / 17])
    assert features["language"].bytes_list.value == [
        text_measures.measure("Où  est\tla mer ?").language.encode()
    ]


def test_ids_sort_by_place_in_the_file_not_by_digits() -> None:
    ids = [documents.make_id("a#b.txt", line) for line in (10, 9, 100)]

    assert sorted(map(documents.split_id, ids)) == [("a#b.txt", 9), ("a#b.txt", 10), ("a#b.txt", 100)]
