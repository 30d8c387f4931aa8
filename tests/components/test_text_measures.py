from __future__ import annotations

import random
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components import text_measures

TEXTS = st.text(st.characters(exclude_categories=["Cs"]))


def test_the_worked_example() -> None:
    found = text_measures.measure("To be, or not\nto be.")

    assert (found.num_bytes, found.num_words, found.num_lines) == (20, 6, 2)
    assert found.mean_word_length == 15 / 6
    assert found.symbol_ratio == 2 / 20
    assert (found.repetition, found.language) == (0.0, "en")


@given(TEXTS)
def test_symbols_are_what_is_neither_letter_digit_nor_space(text: str) -> None:
    symbols = [char for char in text if not (char.isalnum() or char.isspace())]

    assert text_measures.measure(text).symbol_ratio == pytest.approx(len(symbols) / max(1, len(text)))


@given(TEXTS)
def test_shares_are_shares(text: str) -> None:
    found = text_measures.measure(text)

    assert 0 <= found.symbol_ratio <= 1
    assert 0 <= found.repetition < 1
    assert found.compression_ratio >= 0


def test_repetition_and_compression_see_boilerplate() -> None:
    found = text_measures.measure("the same line again\n" * 100)

    assert found.repetition == 0.99
    assert found.compression_ratio > 20


def test_the_compression_is_that_of_the_texts_middle() -> None:
    noise = "".join(random.Random(0).choices(string.ascii_letters, k=5000))

    assert text_measures.measure(noise + "a" * 2100 + noise).compression_ratio > 20
    assert text_measures.measure("a" * 5000 + noise[:2100] + "a" * 5000).compression_ratio < 2


def test_an_empty_text_has_measures() -> None:
    assert text_measures.measure("") == text_measures.TextMeasures(0, 0, 0, 0.0, 0.0, 0.0, 0.0, "und")
