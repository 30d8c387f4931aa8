from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.corpus_gen.cleaning import characters

TEXTS = st.text(st.characters(exclude_categories=["Cs"]))
SPACED = st.text(st.sampled_from("ab \t\r\n\x0b\x0c\x85\u3000\u00a0é"))
STEPS = {
    "repair": characters.repair,
    "control characters": characters.remove_control_characters,
    "line ends": characters.unify_line_ends,
    "NFC": lambda text: characters.normalize(text, "NFC"),
    "NFKC": lambda text: characters.normalize(text, "NFKC"),
    "trailing spaces": characters.strip_trailing_spaces,
    "repeated spaces": characters.collapse_spaces,
    "no blank lines": lambda text: characters.limit_blank_lines(text, 0),
    "blank lines": lambda text: characters.limit_blank_lines(text, 2),
}


@pytest.mark.parametrize("step", STEPS.values(), ids=STEPS)
@given(st.one_of(TEXTS, SPACED))
def test_a_second_time_changes_nothing(step, text: str) -> None:
    once = step(text)

    assert step(once) == once


@pytest.mark.parametrize("step", STEPS.values(), ids=STEPS)
def test_clean_text_stays_as_it_is(step) -> None:
    verse = "  Où est la mer ?\n\n\t«Là-bas», dit-il: 三国演义。\n"
    text = verse.replace("\n\n", "\n") if step is STEPS["no blank lines"] else verse

    assert step(text) == text


@pytest.mark.parametrize(
    ("broken", "whole"),
    [
        ("cafÃ©", "café"),
        ("ä¸‰å›½æ¼”ä¹‰", "三国演义"),
        ("IÃ¢â‚¬â„¢m", "I’m"),
        ("&lt;b&gt; “quoted” ﬁne", "&lt;b&gt; “quoted” ﬁne"),
    ],
)
def test_a_wrong_decoding_is_undone_and_nothing_else(broken: str, whole: str) -> None:
    assert characters.repair(broken) == whole


def test_control_characters_go_and_separators_stay() -> None:
    text = "\ufeffa\x00b\x1b[1m\tc\x0cd\x85e\r\nf\ufffe"

    assert characters.remove_control_characters(text) == "ab[1m\tc\nd\ne\r\nf"


@given(TEXTS)
def test_no_control_character_is_left(text: str) -> None:
    left = characters.remove_control_characters(text)

    assert {char for char in left if unicodedata.category(char) == "Cc"} <= {"\t", "\n", "\r"}


def test_all_line_ends_become_line_feeds() -> None:
    assert characters.unify_line_ends("a\r\nb\rc\n\r") == "a\nb\nc\n\n"


def test_normal_forms_are_unicodes() -> None:
    assert characters.normalize("e\u0301 ﬁ x²", "NFC") == "é ﬁ x²"
    assert characters.normalize("e\u0301 ﬁ x²", "NFKC") == "é fi x2"


def test_trailing_spaces_go_at_every_line_end() -> None:
    assert characters.strip_trailing_spaces("a \t\r\n b\u3000\nc ") == "a\r\n b\nc"


def test_indentation_outlives_the_collapsing_of_spaces() -> None:
    assert characters.collapse_spaces("\t\tif  x:\n    y \t = 1  \n") == "\t\tif x:\n    y = 1  \n"


@pytest.mark.parametrize(
    ("text", "most", "limited"),
    [
        ("a\n\n\n\nb", 1, "a\n\nb"),
        ("a\r\n\r\n \t\r\nb", 0, "a\r\nb"),
        ("\n\n\na\n", 1, "\na\n"),
        ("a\nb\n\nc\n\n\nd", 1, "a\nb\n\nc\n\nd"),
    ],
)
def test_blank_lines_in_a_row_are_limited(text: str, most: int, limited: str) -> None:
    assert characters.limit_blank_lines(text, most) == limited
