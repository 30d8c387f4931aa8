import random

import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st

from components.config import TokenizerConfig
from components.tokenizer_trainer import training
from models.tokenizer import GraphTokenizer
from models.tokenizing import chunks
from models.tokenizing.sentence_pieces import SentencePieceModel


@given(st.text(st.sampled_from("ab \n\r\0")), st.integers(0, 2))
def test_chunks_joined_are_the_text_and_end_with_lines(text, times):
    long = text * (times * chunks.MAX_CHARACTERS)
    for whole in (text, long):
        found = chunks.cut(whole)
        assert "".join(found) == whole
        assert all(chunk.endswith("\n") or len(chunk) == chunks.MAX_CHARACTERS for chunk in found[:-1])
        assert len(whole) <= chunks.MAX_CHARACTERS or max(map(len, found)) <= chunks.MAX_CHARACTERS


def test_the_example(monkeypatch):
    monkeypatch.setattr(chunks, "MAX_CHARACTERS", 3)
    assert chunks.cut("a b\n\nc") == ["a b", "\n\n", "c"]
    monkeypatch.setattr(chunks, "MAX_CHARACTERS", 5)
    assert chunks.cut("a b\n\nc") == ["a b\n\n", "c"]


def test_a_long_text_has_the_same_tokens_in_python_and_in_the_graph():
    """Of spaces before words, there are many ways to cut them that are equally likely."""
    draw = random.Random(0)
    lines = ["".join(f"{' ' * draw.choice([1, 1, 1, 2, 4, 5, 7, 11, 15])}{draw.choice(['cat', 'dog', 'sat'])}"
                     for _ in range(12)) + "\n" for _ in range(2000)]  # fmt: skip
    content = training.train(lines, TokenizerConfig(algorithm="unigram", vocabulary_size=274))
    model, graph = SentencePieceModel(content), GraphTokenizer(content)
    text = "".join(lines)
    ids, lengths = graph.encode(tf.constant([text, *lines]))
    assert ids.numpy()[0, 1 : lengths[0]].tolist() == model.encode(text).tolist()
    for row, length, line in zip(ids.numpy()[1:], lengths.numpy()[1:], lines, strict=True):
        assert row[1:length].tolist() == model.encode(line).tolist()


def test_a_long_line_has_the_same_tokens_in_python_and_in_the_graph(monkeypatch):
    """Also where a piece ends within characters of several bytes, and beside empty and short texts."""
    monkeypatch.setattr(chunks, "MAX_CHARACTERS", 50)
    draw = random.Random(1)
    texts = [
        " ".join(draw.choice(["über", "山水", "cat", "\U0001f600"]) for _ in range(n)) for n in range(80)
    ]
    content = training.train(texts, TokenizerConfig(algorithm="unigram", vocabulary_size=274))
    model, graph = SentencePieceModel(content), GraphTokenizer(content)
    long = ["", "\n", "a" * 50, "a" * 51 + "\n\n\n", "".join(texts), "\n".join(texts), *texts]
    encode = tf.function(graph.encode, input_signature=[tf.TensorSpec([None], tf.string)])
    ids, lengths = encode(tf.constant(long))
    for row, length, text in zip(ids.numpy(), lengths.numpy(), long, strict=True):
        assert row[1:length].tolist() == model.encode(text).tolist()
        assert model.decode(row[1:length]) == text
    alone, [length] = encode(tf.constant(texts[:1]))  # None is long.
    assert alone.numpy()[0, 1:length].tolist() == model.encode(texts[0]).tolist()
