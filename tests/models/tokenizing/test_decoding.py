"""Ids to text in the graph, whatever bytes they stand for."""

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import example, given, settings
from hypothesis import strategies as st

from components.config import TokenizerConfig
from components.tokenizer_trainer import training
from models.tokenizer import GraphTokenizer, _valid_utf8
from models.tokenizing import reading

BYTES = st.lists(
    st.sampled_from([*"aé漢😀\ufffd\0".encode(), 0xC3, 0xE6, 0xF0, 0xED, 0xA0, 0xFF]), max_size=9
)


@settings(max_examples=60, deadline=None)
@given(st.lists(BYTES.map(bytes), min_size=1, max_size=4))
@example([b"", b"a\xff", "\ufffd\xef".encode() + b"\xef\xbf", b""])
def test_each_byte_that_is_no_part_of_a_character_becomes_one_mark(texts):
    found = [text.decode() for text in _valid_utf8(tf.constant(texts)).numpy()]
    for text, shown in zip(texts, found, strict=True):
        kept = text.decode(errors="ignore")
        num_bad = len(text) - len(kept.encode())
        assert shown.replace("\ufffd", "") == kept.replace("\ufffd", "")
        assert shown.count("\ufffd") == kept.count("\ufffd") + num_bad
        assert num_bad or shown == kept


@pytest.mark.parametrize("character", ["a", "é", "漢"])
def test_a_long_text_comes_back_without_a_copy_of_it_for_each_character(character):
    content = training.train(["a"], TokenizerConfig(algorithm="bytes", vocabulary_size=300))
    model, graph = reading.read(content), GraphTokenizer(content)
    text = character * 200_000
    ids = model.encode(text)
    [decoded] = graph.decode(tf.constant(ids[None]), tf.constant([len(ids)])).numpy()
    assert decoded == text.encode()
    assert np.all(graph.encode(tf.constant([text]))[0].numpy()[0, 1:] == ids)
