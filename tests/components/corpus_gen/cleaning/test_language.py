from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from py3langid.langid import MODEL_FILE, LanguageIdentifier

from components.corpus_gen.cleaning import language
from components.corpus_gen.cleaning.settings import LANGUAGES


@pytest.fixture(scope="module")
def identifier() -> LanguageIdentifier:
    return LanguageIdentifier.from_pickled_model(MODEL_FILE)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("To be, or not to be, that is the question.", "en"),
        ("Être ou ne pas être, telle est la question.", "fr"),
        ("滚滚长江东逝水，浪花淘尽英雄。", "zh"),
        ("生きるべきか死ぬべきか、それが問題だ。", "ja"),
        ("Sein oder Nichtsein, das ist hier die Frage.", "de"),
        ("", "und"),
        ("1603, 42.", "und"),
    ],
)
def test_a_sentences_language_is_told(text: str, code: str) -> None:
    assert language.identify(text) == code


def test_the_middle_of_a_long_text_decides() -> None:
    notice = "This eBook is for the use of anyone anywhere at no cost. " * 20

    assert language.identify(notice + "Longtemps, je me suis couché de bonne heure. " * 40 + notice) == "fr"


@pytest.mark.parametrize(
    "text",
    ["O brave new world", "Ô temps ! suspends ton vol", "话说天下大势", "Übermut tut selten gut", "да"],
)
def test_it_says_what_the_package_says(text: str, identifier: LanguageIdentifier) -> None:
    assert language.identify(text) == identifier.classify(text)[0]


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_every_text_has_an_answer(text: str) -> None:
    assert language.identify(text) in (*LANGUAGES, language.UNDETERMINED)


def test_the_codes_that_may_be_allowed_are_the_models(identifier: LanguageIdentifier) -> None:
    assert sorted(LANGUAGES) == sorted(identifier.nb_classes)
