import functools

import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from models.errors import PresetError
from models.presets import tokenizers
from models.tokenizer import GraphTokenizer
from models.tokenizing import reading
from models.tokenizing.sentence_pieces import SentencePieceModel, with_special_pieces

TEXTS = st.text(
    st.one_of(st.sampled_from("the quick.\n\t é漢😀▁\0"), st.characters(exclude_categories=["Cs"]))
)


@pytest.fixture(scope="module")
def llama(make_preset):
    return tokenizers.read(make_preset("llama"))


@functools.cache
def _parts(content):
    tokenizer = GraphTokenizer(content)
    return reading.read(content), tokenizer


@settings(max_examples=150, deadline=None)
@given(text=TEXTS)
def test_the_graph_gives_the_packers_ids_of_a_presets_pieces(llama, text):
    model, tokenizer = _parts(llama)
    ids, lengths = tokenizer.encode(tf.constant([text.encode()]))
    assert ids.numpy()[0, 1 : lengths[0]].tolist() == model.encode(text).tolist()
    assert ids.numpy()[0, 0] == model.vocabulary.start_id == 1


@settings(max_examples=150, deadline=None)
@given(words=st.lists(st.sampled_from(["the", "quick", "é", "漢", "😀", "x,", "jugs!"]), min_size=1))
def test_decoding_gives_the_text_behind_the_space_that_the_model_puts_before_it(llama, words):
    model, tokenizer = _parts(llama)
    text = " ".join(words)
    ids, lengths = tokenizer.encode(tf.constant([text]))
    assert tokenizer.decode(ids[:, 1:], lengths - 1).numpy()[0].decode() == " " + text
    assert model.decode(model.encode(text)) == text


def test_a_continuation_keeps_the_space_between_it_and_the_prompt(llama):
    model, tokenizer = _parts(llama)
    ids = model.encode("the quick")
    head, tail = ids[:-2].tolist(), ids[-2:].tolist()
    both = [
        tokenizer.decode(tf.constant([part]), tf.constant([len(part)])).numpy()[0] for part in (head, tail)
    ]
    assert b"".join(both) == b" the quick"


def test_the_special_pieces_are_those_that_the_preset_names(make_preset):
    gemma = reading.read(tokenizers.read(make_preset("gemma"))).vocabulary
    assert (gemma.pad_id, gemma.end_id, gemma.start_id) == (0, 1, 2)
    assert gemma.never_generated.tolist() == [0, 2, 3]


def test_a_piece_that_is_no_special_one_is_refused(tokenizer_proto):
    with pytest.raises(PresetError, match="no special piece 'the'"):
        with_special_pieces(tokenizer_proto, None, "the", None)


def test_naming_the_pieces_changes_no_text(tokenizer_proto):
    named = SentencePieceModel(with_special_pieces(tokenizer_proto, None, "</s>", "<pad>"))
    plain = SentencePieceModel(tokenizer_proto)
    assert named.encode("The quick fox.\n").tolist() == plain.encode("The quick fox.\n").tolist()
    assert named.vocabulary == plain.vocabulary
