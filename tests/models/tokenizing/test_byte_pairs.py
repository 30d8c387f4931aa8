import functools

import keras_hub
import numpy as np
import pytest
import regex
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from models.errors import PresetError
from models.tokenizer import GraphTokenizer
from models.tokenizing import byte_pairs, reading, word_patterns
from models.tokenizing.byte_pairs import MAX_WORD_BYTES, BytePairModel

END = "<|endoftext|>"
MERGES = ["h e", "l l", "he ll", "t h", "th e", "Ġ the", "Ġ Ġ", "' s", "Ã ©"]
FRAGMENTS = [
    " ", "  ", "\n", "\t", "\r\n", "\u00a0", "\u3000", "\u2009", "\x85", "\x1c", "\0", "the", " the", "hello",
    "'s", "'", "12", "९", "६", "é", "e\u0301", "漢字", "😀", "!?", "_", "ⅷ", "²", END, "<unused>", "Ġ", "Ĵ",
]  # fmt: skip
TEXTS = st.lists(
    st.one_of(st.sampled_from(FRAGMENTS), st.text(st.characters(exclude_categories=["Cs"]), max_size=4)),
    max_size=12,
).map("".join)


def vocabulary():
    tokens = [END, "<unused>", *byte_pairs.byte_characters(), *(merge.replace(" ", "") for merge in MERGES)]
    return {token: index for index, token in enumerate(tokens)}


@functools.cache
def model():
    return BytePairModel(byte_pairs.serialize(vocabulary(), MERGES, [END], 0, 0, 0, False))


@functools.cache
def in_graph():
    tokenizer = GraphTokenizer(model().serialized)
    strings = tf.TensorSpec([None], tf.string)
    return tokenizer, tf.function(tokenizer.encode, input_signature=[strings], autograph=False)


def graph_ids(texts):
    ids, lengths = in_graph()[1](tf.constant([text.encode() for text in texts]))
    return [row[1:length].tolist() for row, length in zip(ids.numpy(), lengths.numpy(), strict=True)]


def test_the_example():
    ids = vocabulary()
    assert model().encode("hello").tolist() == [ids["hell"], ids["o"]]
    assert graph_ids(["hello"]) == [[ids["hell"], ids["o"]]]


def test_the_example_of_the_cut_into_words():
    assert word_patterns.words("a  cat\n") == ["a", " ", " cat", "\n"]
    assert word_patterns.words("it's  12 cats") == ["it", "'s", " ", " 12", " cats"]


@settings(max_examples=300, deadline=None)
@given(st.lists(st.sampled_from(FRAGMENTS), max_size=12).map("".join))
def test_words_are_those_of_gpt2s_own_expression(text):
    gpt2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
    assert word_patterns.words(text) == regex.findall(gpt2, text)


@settings(max_examples=100, deadline=None)
@given(st.lists(TEXTS, min_size=1, max_size=5))
def test_the_graph_gives_the_packers_ids_and_both_give_the_text_back(texts):
    expected = [model().encode(text) for text in texts]
    assert graph_ids(texts) == [ids.tolist() for ids in expected]
    assert [model().decode(ids) for ids in expected] == texts
    ids, lengths = in_graph()[1](tf.constant([text.encode() for text in texts]))
    decoded = in_graph()[0].decode(ids[:, 1:], lengths - 1)
    assert [text.decode() for text in decoded.numpy()] == texts


@settings(max_examples=100, deadline=None)
@given(TEXTS)
def test_no_text_spells_a_special_token_and_the_bytes_sum_to_the_texts(text):
    ids = model().encode(text + END)
    assert not set(ids.tolist()) & {0, 1}
    assert model().byte_lengths[ids].sum() == len((text + END).encode())


def test_ids_are_keras_hubs_but_for_what_it_loses():
    """KerasHub takes "६" for a mark of its own, stops at NUL, splits at the end of a text and at U+0085
    otherwise than GPT-2, and lets a text spell special tokens. Outside of a graph its 0.32 cuts no words."""
    keras = keras_hub.tokenizers.BytePairTokenizer(vocabulary(), MERGES, unsplittable_tokens=[END])
    lost = {"६", "\0", "\x85", END}
    pieces = [piece for piece in FRAGMENTS if piece not in lost]
    draw = np.random.default_rng(0)
    texts = ["".join(draw.choice(pieces, draw.integers(1, 8))) + "the" for _ in range(200)]
    found = [model().encode(text).tolist() for text in texts]
    [expected] = tf.data.Dataset.from_tensors(texts).map(keras)
    assert found == expected.to_list()


def test_a_long_word_is_cut_alike_in_both():
    text = "hello" * 300
    ids = model().encode(text).tolist()
    whole = [token for start in range(0, len(text), MAX_WORD_BYTES) for token in
             model().encode(text[start : start + MAX_WORD_BYTES])]  # fmt: skip
    assert ids == whole == graph_ids([text])[0]


def test_a_space_before_every_text_where_the_tokenizer_puts_one():
    content = byte_pairs.serialize(vocabulary(), MERGES, [END], 0, 0, 0, True)
    ids, lengths = GraphTokenizer(content).encode(tf.constant(["the"]))
    expected = model().encode(" the").tolist()
    assert expected != model().encode("the").tolist()
    assert reading.read(content).encode("the").tolist() == expected
    assert ids.numpy()[0, 1 : lengths[0]].tolist() == expected


def test_bytes_that_are_no_character_become_one_mark_each():
    from serving.engine.text import text_of

    tokenizer, draw = in_graph()[0], np.random.default_rng(0)
    tokens = tokenizer.vocabulary.token_bytes
    ids = draw.integers(0, len(tokens), (60, 9)).astype(np.int32)
    lengths = draw.integers(0, 10, 60).astype(np.int32)
    decoded = tokenizer.decode(tf.constant(ids), tf.constant(lengths)).numpy()
    expected = [text_of([tokens[i] for i in row[:length]]) for row, length in zip(ids, lengths, strict=True)]
    assert [text.decode() for text in decoded] == expected
    assert any("\ufffd" in text for text in expected)


def test_tokens_in_brackets_that_no_merge_makes_are_never_generated():
    assert model().vocabulary.never_generated.tolist() == [1]
    assert model().vocabulary.token_bytes[:2] == (b"", b"")


@pytest.mark.parametrize(
    ("remove", "merges", "message"),
    [
        ("hell", MERGES, "merges.txt: merge 3 needs 'hell', which vocabulary.json lacks"),
        ("x", MERGES, "vocabulary.json lacks 1 of the 256 bytes, the first 'x'"),
        ("", ["h e l"], "merges.txt: merge 1 is 'h e l': expected two symbols and a space"),
    ],
)
def test_a_damaged_tokenizer_is_named(remove, merges, message):
    tokens = {token: index for token, index in vocabulary().items() if token != remove}
    with pytest.raises(PresetError, match=message):
        byte_pairs.serialize(tokens, merges, [END], 0, 0, 0, False)
