from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from components.tokenizer_trainer.sampling import sample_by_hash

TEXTS = st.lists(st.text(st.sampled_from("abé€"), max_size=30), max_size=40)


def test_the_example() -> None:
    assert sample_by_hash(["aa", "bbb", "cc"], 5) == ["cc", "bbb"]


def test_the_last_document_is_cut_between_characters() -> None:
    assert sample_by_hash(["€€€"], 5) == ["€"]


@given(TEXTS, st.integers(1, 100), st.randoms(use_true_random=False))
def test_the_order_of_documents_does_not_matter(
    texts: list[str], max_bytes: int, shuffler: random.Random
) -> None:
    shuffled = list(texts)
    shuffler.shuffle(shuffled)

    assert sample_by_hash(shuffled, max_bytes) == sample_by_hash(texts, max_bytes)


@given(TEXTS, st.integers(1, 100))
def test_the_sample_has_as_much_text_as_it_may(texts: list[str], max_bytes: int) -> None:
    num_bytes = sum(len(text.encode()) for text in sample_by_hash(texts, max_bytes))
    available = sum(len(text.encode()) for text in texts)

    assert min(available, max_bytes - len("€".encode()) + 1) <= num_bytes <= max_bytes


@given(TEXTS)
def test_below_the_limit_nothing_is_lost(texts: list[str]) -> None:
    assert sorted(sample_by_hash(texts, 10_000)) == sorted(texts)
