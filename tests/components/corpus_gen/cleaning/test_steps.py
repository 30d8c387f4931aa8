from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.corpus_gen.cleaning import steps
from components.corpus_gen.cleaning.settings import CleaningConfig, QualityConfig
from components.documents import Document

TEXTS = st.text(st.characters(exclude_categories=["Cs"]))
ALL = CleaningConfig(
    repair=True,
    control_characters=True,
    line_ends=True,
    normalization="NFC",
    trailing_spaces=True,
    repeated_spaces=True,
    max_blank_lines=1,
    mask=("email", "ip", "phone", "secret"),
)


@given(TEXTS, TEXTS)
def test_nothing_changes_by_default(prompt: str, completion: str) -> None:
    document = Document(prompt + completion, "a", "a#1", len(prompt.encode()))

    assert steps.clean(document, CleaningConfig()).document == document
    assert steps.judge_language(document, CleaningConfig()) is None
    assert steps.judge_quality(document, QualityConfig()) is None


def test_the_worked_example_of_the_characters() -> None:
    document = Document("cafÃ©\x00  noir \r\n\r\n\r\n\r\n\tthé", "a", "a#1")

    assert steps.clean(document, ALL).document.text == "café noir\n\n\tthé"


def test_the_worked_example_of_the_words() -> None:
    document = Document("The cats were sleeping.", "a", "a#1")

    def after(**on: bool) -> str:
        return steps.clean(document, CleaningConfig(**on)).document.text

    assert after(casefold=True) == "the cats were sleeping."
    assert after(casefold=True, lemmatize=True) == "the cat be sleep."
    assert after(casefold=True, lemmatize=True, remove_stop_words=True) == "cat sleep."


def test_the_prompts_end_stays_between_prompt_and_completion() -> None:
    prompt, completion = "Écris à ada@lovelace.org \r\n", "cafÃ©\r\n"
    document = Document(prompt + completion, "a", "a#1", len(prompt.encode()))

    cleaned = steps.clean(document, ALL)

    assert cleaned.document.split_prompt() == ("Écris à <EMAIL>\n", "café\n")
    assert cleaned.masked == {"email": 1}


@given(TEXTS, TEXTS)
def test_a_cleaned_document_has_a_prompt_that_can_be_split_off(prompt: str, completion: str) -> None:
    document = Document(prompt + completion, "a", "a#1", len(prompt.encode()))

    cleaned = steps.clean(document, ALL).document

    assert "".join(cleaned.split_prompt()) == cleaned.text


def test_an_allow_list_keeps_its_languages_and_what_has_none() -> None:
    settings = CleaningConfig(languages=("en", "fr"))
    strict = CleaningConfig(languages=("en", "fr"), keep_undetermined=False)
    chinese = Document("滚滚长江东逝水，浪花淘尽英雄。", "a", "a#1")

    assert steps.judge_language(Document("To be, or not to be.", "a", "a#1"), settings) is None
    assert steps.judge_language(Document("1603", "a", "a#1"), settings) is None
    assert steps.judge_language(Document("1603", "a", "a#1"), strict) is not None
    assert steps.judge_language(chinese, settings) == (
        "not_allowed",
        "the language looks like 'zh', allowed are en fr",
    )


def test_an_unknown_language_is_no_setting() -> None:
    with pytest.raises(ValueError, match="languages: english cannot be identified; the codes are af am"):
        CleaningConfig(languages=("english",))


def test_rules_judge_only_what_they_are_for() -> None:
    settings = QualityConfig(rules=("c4",), sources=("web",))
    short = Document("Just one sentence, and it is in English.", "web", "a#1")

    def verdict(document: Document, settings: QualityConfig = settings) -> bool:
        return steps.judge_quality(document, settings) is not None

    assert verdict(short)
    assert not verdict(Document(short.text, "books", "a#1"))
    assert not verdict(Document("滚滚长江东逝水，浪花淘尽英雄", "web", "a#1"))
    assert not verdict(Document(short.text, "web", "a#1", num_prompt_bytes=4))
    assert verdict(
        Document(short.text, "web", "a#1", num_prompt_bytes=4), settings.model_copy(update={"prompts": True})
    )
