from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.config import TokenizerConfig
from components.tokenizer_trainer import training
from models.tokenizing import known_words
from models.tokenizing.known_words import KnownWords
from models.tokenizing.sentence_pieces import SentencePieceModel

TEXTS = st.text(alphabet="the sea, and. THE\n\tßé海😀12<>", max_size=80)


@pytest.fixture(scope="module")
def model(tokenizer_proto: bytes) -> SentencePieceModel:
    return SentencePieceModel(tokenizer_proto)


@given(TEXTS)
def test_the_ids_by_words_are_those_of_the_text_as_a_whole(model: SentencePieceModel, text: str) -> None:
    assert model._known_words is not None
    assert model.encode(text).tolist() == model._processor.encode(text)


@given(st.lists(TEXTS, max_size=5))
def test_what_was_forgotten_is_encoded_again(model: SentencePieceModel, texts: list[str]) -> None:
    assert model._known_words is not None
    few = pytest.MonkeyPatch()
    few.setattr(known_words, "_KEPT", 3)
    words = KnownWords(re.compile(model._known_words._parts.__self__.pattern), model._encode_many)  # type: ignore[attr-defined]

    for text in texts:
        assert words.ids(text).tolist() == model._processor.encode(text)
        assert len(words._new) <= 3 + max(map(len, texts))
    few.undo()


@given(st.text(alphabet="ab é.\n1", max_size=30), st.sampled_from(known_words._CUTS))
def test_the_parts_are_the_text(text: str, cut: re.Pattern[str]) -> None:
    assert "".join(cut.findall(text)) == text


@pytest.mark.parametrize(
    ("pieces", "parts"),
    [
        ([" the", "a", ".\n", "  ", "12,"], ["on", ".\n", "The", " cat", ",", "  a"]),
        ([" the", ".a"], ["on.\n", "The", " cat,", "  a"]),
        (["\nT"], ["on.\nThe", " cat,", "  a"]),
        (["the cat"], None),
    ],
)
def test_the_finest_cut_that_no_piece_crosses_is_taken(pieces: list[str], parts: list[str] | None) -> None:
    cut = known_words.cut_for(pieces)
    assert (cut and cut.findall("on.\nThe cat,  a")) == parts


def test_a_unigram_model_encodes_texts_as_a_whole() -> None:
    settings = TokenizerConfig(algorithm="unigram", vocabulary_size=274, character_coverage=1.0)
    model = SentencePieceModel(
        training.train([f"the sea and the {word} land" for word in "abcdefgh"], settings)
    )
    assert model._known_words is None
    assert np.array_equal(model.encode("the sea"), model._processor.encode("the sea"))
