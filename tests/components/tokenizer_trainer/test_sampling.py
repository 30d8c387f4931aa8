from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from components.tokenizer_trainer.sampling import in_order, sample_by_hash, shares_of, weighted_sample

TEXTS = st.lists(st.text(st.sampled_from("abé€"), max_size=30), max_size=40)
DOCUMENTS = st.lists(
    st.tuples(st.sampled_from(["a", "b", "c"]), st.text(st.sampled_from("xyz"), min_size=1, max_size=9)),
    min_size=1,
)
WEIGHTS = st.fixed_dictionaries({"a": st.sampled_from([0.25, 1.0, 3.0]), "b": st.floats(0.01, 100.0)})


def num_bytes(texts: list[str]) -> int:
    return sum(len(text.encode()) for text in texts)


def test_the_example() -> None:
    documents = [("a", "aa"), ("a", "bbb"), ("a", "cc"), ("b", "d")]

    sample = weighted_sample(lambda: documents, {"a": 1.0, "b": 7.0}, 1000)

    assert sample == {"a": ["cc", "bb"], "b": ["d"] * 4}
    assert in_order(sample) == ["d"] * 4 + ["cc", "bb"]
    assert sample_by_hash(["aa", "bbb", "cc"], 5) == ["cc", "bbb"]


def test_a_share_is_weight_times_size() -> None:
    sizes = {"large": 9_000, "small": 1_000}

    assert shares_of(sizes, {}, 5_000) == {"large": 4_500, "small": 500}
    assert shares_of(sizes, {"small": 9.0}, 5_000) == {"large": 2_500, "small": 2_500}
    assert shares_of(sizes, {"small": 3.0, "large": 0.5}, 10**9) == {"large": 6_000, "small": 4_000}


@given(DOCUMENTS, WEIGHTS, st.integers(1, 200))
def test_each_source_has_its_share_of_the_sample(
    documents: list[tuple[str, str]], weights: dict[str, float], max_bytes: int
) -> None:
    sample = weighted_sample(lambda: documents, weights, max_bytes)

    sizes = {name: num_bytes([text for source, text in documents if source == name]) for name in sample}
    whole = sum(weights.get(name, 1.0) * size for name, size in sizes.items())
    total = min(sum(sizes.values()), max_bytes)
    for name, texts in sample.items():
        share = total * weights.get(name, 1.0) * sizes[name] / whole
        assert share - 1.001 < num_bytes(texts) <= share + 0.001


@given(DOCUMENTS, WEIGHTS, st.integers(1, 200), st.randoms(use_true_random=False))
def test_the_order_of_documents_of_several_sources_does_not_matter(
    documents: list[tuple[str, str]], weights: dict[str, float], max_bytes: int, shuffler: random.Random
) -> None:
    shuffled = list(documents)
    shuffler.shuffle(shuffled)

    samples = [weighted_sample(lambda: order, weights, max_bytes) for order in (documents, shuffled)]  # noqa: B023

    assert samples[0] == samples[1]
    assert in_order(samples[0]) == in_order(samples[1])


@given(DOCUMENTS, st.floats(0.001, 1000.0))
def test_equal_weights_without_a_limit_are_the_split_as_it_is(
    documents: list[tuple[str, str]], weight: float
) -> None:
    sample = weighted_sample(lambda: documents, dict.fromkeys("abc", weight), 10**6)

    assert sorted(in_order(sample)) == sorted(text for _, text in documents)


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
    taken = num_bytes(sample_by_hash(texts, max_bytes))

    assert min(num_bytes(texts), max_bytes - len("€".encode()) + 1) <= taken <= max_bytes


@given(TEXTS)
def test_below_the_limit_nothing_is_lost(texts: list[str]) -> None:
    assert sorted(sample_by_hash(texts, 10_000)) == sorted(texts)
