from __future__ import annotations

import pytest

from components.corpus_gen.counts import CorpusCounts, SplitCounts
from components.errors import CorpusError


def counts(*documents: int, empty_documents: int = 0) -> CorpusCounts:
    splits = dict(zip(("train", "eval", "test"), documents, strict=True))
    return CorpusCounts({name: SplitCounts(n, 1000 * n) for name, n in splits.items()}, empty_documents)


def test_a_corpus_without_text_is_an_error() -> None:
    with pytest.raises(CorpusError, match="no document has any text \\(3 are empty, 0 have no completion\\)"):
        counts(0, 0, 0, empty_documents=3).require_every_split("texts")


def test_an_empty_split_is_an_error_that_names_it() -> None:
    with pytest.raises(CorpusError, match="its 4 documents leave the split eval and test empty"):
        counts(4, 0, 0).require_every_split("texts")


def test_one_document_a_split_is_enough() -> None:
    enough = counts(1, 1, 1)
    enough.require_every_split("texts")
    assert enough.summary().startswith("3 documents")


def test_the_summary_counts_what_was_left_out() -> None:
    assert counts(8, 1, 1, empty_documents=2).summary() == (
        "10 documents, 10.0 kB: train 8, eval 1, test 1; 2 empty ones left out"
    )


def test_what_lacks_a_completion_is_counted_apart() -> None:
    splits = {"train": SplitCounts(10, 10_000)}

    assert (
        CorpusCounts(splits, 2, without_completion=3)
        .summary()
        .endswith("; 2 empty ones left out; 3 without a completion left out")
    )
