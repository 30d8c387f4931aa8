from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.corpus_gen.cleaning import packages, words
from components.errors import CorpusError

TEXTS = st.text(st.characters(exclude_categories=["Cs"]))


def test_case_is_folded_fully() -> None:
    assert words.fold_case("Straße") == "strasse"


def test_chinese_words_are_spaced_and_the_rest_is_not() -> None:
    assert words.segment_chinese("滚滚长江，东逝水 for all") == "滚滚 长江，东 逝水 for all"


@given(TEXTS)
def test_segmentation_adds_spaces_only(text: str) -> None:
    assert words.segment_chinese(text).replace(" ", "") == text.replace(" ", "")


def test_words_become_their_dictionary_forms() -> None:
    assert words.lemmatize("cats were running", "en") == "cat be run"


def test_a_language_without_a_dictionary_is_left_alone() -> None:
    assert words.lemmatize("cats were running", "und") == "cats were running"
    assert words.remove_stop_words("the cat", "und") == "the cat"


def test_stop_words_go_with_the_space_after_them() -> None:
    assert words.remove_stop_words("the cat is on a mat", "en") == "cat mat"
    assert words.remove_stop_words("Le chat, et la souris.", "fr") == "chat, souris."


@given(TEXTS)
def test_every_text_has_an_answer(text: str) -> None:
    words.lemmatize(text, "en")
    words.remove_stop_words(text, "en")
    words.fold_case(text)


def test_a_missing_package_is_named_with_the_extra_that_has_it() -> None:
    with pytest.raises(CorpusError, match=r"cleaning.repair needs the package nonesuch.*lexmill\[cleaning\]"):
        packages.require("nonesuch", "cleaning.repair")
