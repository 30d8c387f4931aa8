from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from components.corpus_gen import rejections
from components.corpus_gen.rejections import Rejected
from components.documents import Document

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=1000)


@given(st.builds(Rejected, TEXTS, TEXTS, TEXTS, TEXTS.map(lambda text: text.replace("\n", "")), TEXTS))
def test_a_rejection_comes_back_from_its_record(rejected: Rejected) -> None:
    assert rejections.decode(rejections.encode(rejected)) == rejected


def test_only_the_start_of_a_text_is_kept() -> None:
    document = Document("ab" * 5000, "s", "a.txt#1")

    rejected = rejections.reject(document, "quality:length", "too long")

    assert rejected == Rejected("quality:length", "s", "a.txt#1", "too long", "ab" * 500)


def test_malformed_is_told_from_unwanted() -> None:
    assert Rejected("malformed:json", "s", "a#1", "").is_malformed
    assert not Rejected("malformedness", "s", "a#1", "").is_malformed
