from __future__ import annotations

import pytest

from components.config import CorpusConfig, SourceConfig
from components.corpus_gen.counts import CorpusCounts
from components.corpus_gen.rejections import Rejected
from components.errors import CorpusError

SPLITS = ("train", "eval", "test")


def counts(*documents: int, read: int | None = None, **dropped: int) -> CorpusCounts:
    """Of one source; a document has 1,000 bytes, ``malformed__json`` is the reason ``malformed:json``."""
    reasons = {reason.replace("__", ":"): count for reason, count in dropped.items()}
    found = [
        *((("s", "kept", split), (n, 1000 * n)) for split, n in zip(SPLITS, documents, strict=True)),
        *((("s", "dropped", reason), (n, 0)) for reason, n in reasons.items()),
        (("s", "read", ""), (sum(documents) + sum(dropped.values()) if read is None else read, 0)),
    ]
    return CorpusCounts(splits=SPLITS, sources={}).with_counts(found)


def test_a_corpus_without_text_is_an_error_that_says_what_became_of_it() -> None:
    with pytest.raises(CorpusError, match="no document is left \\(3 empty, 1 no_completion\\)"):
        counts(0, 0, 0, empty=3, no_completion=1).require_every_split("texts")


def test_an_empty_split_is_an_error_that_names_it() -> None:
    with pytest.raises(CorpusError, match="its 4 documents leave the split eval and test empty"):
        counts(4, 0, 0).require_every_split("texts")


def test_one_document_a_split_is_enough() -> None:
    enough = counts(1, 1, 1)
    enough.require_every_split("texts")
    assert enough.summary().startswith("3 documents")


def test_the_summary_counts_what_was_dropped_the_most_frequent_first() -> None:
    assert counts(8, 1, 1, empty=2, malformed__json=3).summary() == (
        "10 documents, 10.0 kB: train 8, eval 1, test 1; 5 dropped: 3 malformed:json, 2 empty"
    )


@pytest.mark.parametrize("read", [9, 11])
def test_a_record_that_is_neither_kept_nor_dropped_is_found(read: int) -> None:
    counts(7, 1, 1, read=10, empty=1).require_conservation()
    with pytest.raises(AssertionError, match=f"'s': {read} records read, but 9 kept and 1 dropped"):
        counts(7, 1, 1, read=read, empty=1).require_conservation()


def test_more_malformed_records_than_allowed_are_an_error_with_counts_and_cases() -> None:
    found = counts(90, 4, 2, malformed__json=3, malformed__utf8=1, empty=100)
    cases = [
        Rejected("malformed:json", "s", "a.jsonl#7", "line 7 is not JSON"),
        Rejected("empty", "s", "a.jsonl#8", "has no text"),
    ]

    with pytest.raises(CorpusError) as caught:
        found.with_examples(cases).require_few_malformed("texts", 0.01)

    assert str(caught.value) == (
        "corpus texts, source 's': 4 of 200 records are malformed (3 json, 1 utf8), 2.00%, and "
        "corpus.max_bad_fraction allows 1.00%: correct the data or the source's settings, or raise it. "
        "For example, a.jsonl#7: line 7 is not JSON"
    )


def test_as_many_malformed_records_as_allowed_are_no_error() -> None:
    counts(97, 1, 1, malformed__json=1).require_few_malformed("texts", 0.01)
    counts(97, 1, 1, empty=50).require_few_malformed("texts", 0)


def test_the_report_has_each_sources_licence_and_weight() -> None:
    source = SourceConfig(name="s", pattern="*", licence="CC0", weight=2.5)
    found = CorpusCounts.empty(CorpusConfig(path="p", sources=(source,)), SPLITS)

    [counted] = found.with_counts([(("s", "read", ""), (3, 0))]).sources.values()

    assert (counted.licence, counted.weight, counted.read) == ("CC0", 2.5, 3)


def test_the_report_comes_back_from_its_json() -> None:
    found = counts(8, 1, 1, empty=2).with_examples([Rejected("empty", "s", "a#1", "has no text")])

    assert CorpusCounts.model_validate_json(found.model_dump_json()) == found
