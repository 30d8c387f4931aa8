from __future__ import annotations

import pytest

from components.config import PackingConfig
from components.errors import CorpusError
from components.mixture import Mixture, MixtureConfig
from components.sequence_packer.counts import PackingReport, RowCounts

EMPTY = PackingReport(packing=PackingConfig(), vocabulary_size=300, splits={"train": {}, "eval": {}})
PART = RowCounts(documents=1, tokens=20, rows=2, num_bytes=50)
WITH_PROMPT = RowCounts(documents=1, tokens=30, masked_tokens=12, rows=3, num_bytes=60, masked_bytes=25)


def test_the_streams_of_a_source_are_summed() -> None:
    report = EMPTY.with_counts([(("train", "plays"), PART), (("train", "plays"), PART)])

    assert report.splits["train"]["plays"] == RowCounts(documents=2, tokens=40, rows=4, num_bytes=100)


def test_the_order_of_streams_does_not_change_the_report() -> None:
    counts = [(("train", "plays"), PART), (("eval", "poems"), PART), (("train", "news"), PART)]

    one, other = EMPTY.with_counts(counts), EMPTY.with_counts(counts[::-1])

    assert one.model_dump_json() == other.model_dump_json()


def test_a_split_without_documents_is_an_error_that_names_it() -> None:
    with pytest.raises(CorpusError, match="in the split eval: the corpus has too few documents"):
        EMPTY.with_counts([(("train", "plays"), PART)]).require_every_split()


def test_the_summary_adds_up_sources() -> None:
    report = EMPTY.with_counts([(("train", "plays"), PART), (("train", "news"), PART)])

    assert report.summary() == "40 tokens in 4 rows: train 4, eval 0"


def test_the_prompts_share_is_summed_and_told() -> None:
    report = EMPTY.with_counts([(("train", "plays"), PART), (("train", "plays"), WITH_PROMPT)])

    assert report.total("train") == RowCounts(
        documents=2, tokens=50, masked_tokens=12, rows=5, num_bytes=110, masked_bytes=25
    )
    assert report.summary() == "50 tokens in 5 rows: train 5, eval 0; 12 are of prompts"


def test_a_mixture_that_takes_no_row_is_an_error() -> None:
    mixture = Mixture(config=MixtureConfig(), weights={"plays": 0.001})
    left_out = PART.model_copy(update={"rows": 0, "tokens": 0, "available_rows": 2, "available_tokens": 20})
    report = EMPTY.model_copy(update={"mixture": mixture})
    counted = report.with_counts([(("train", "plays"), left_out), (("eval", "plays"), PART)])

    with pytest.raises(CorpusError, match="the mixture leaves no row in the train split"):
        counted.require_every_split()
