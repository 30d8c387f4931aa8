from __future__ import annotations

import numpy as np
import pytest

from components.config import PackingConfig
from components.errors import CorpusError
from components.mixture import Mixture, MixtureConfig
from components.sequence_packer.counts import PackingReport, RowCounts
from components.sequence_packer.packing import Rows

EMPTY = PackingReport(packing=PackingConfig(), vocabulary_size=300, splits={"train": {}, "eval": {}})
PART = RowCounts(documents=1, tokens=20, rows=2, num_bytes=50)
WITH_PROMPT = RowCounts(documents=1, tokens=30, masked_tokens=12, rows=3, num_bytes=60, masked_bytes=25)


def test_rows_count_as_often_as_they_are_taken() -> None:
    """Of 2 and 3 targets, one of them a prompt's of 4 bytes; the first row is taken twice."""
    rows = Rows(
        token_ids=np.full((2, 4), 5),
        segment_ids=np.ones((2, 4), int),
        loss_mask=np.array([[0, 1, 1, 0], [0, 0, 1, 1]]),
        num_bytes=np.array([5, 6]),
        masked_tokens=np.array([0, 1]),
        masked_bytes=np.array([0, 4]),
    )

    assert RowCounts.of(rows, [2, 1]) == RowCounts(
        tokens=7,
        masked_tokens=1,
        rows=3,
        num_bytes=20,
        masked_bytes=4,
        available_rows=2,
        available_tokens=5,
        available_masked_tokens=1,
    )


def test_shares_are_those_that_the_mixture_wants_and_those_that_came_out() -> None:
    """The example of `components.mixture`: 600 and 200 tokens, a quarter and three quarters wanted."""
    mixture = Mixture(config=MixtureConfig(rule="shares"), weights={"prose": 1.0, "code": 3.0})
    prose = RowCounts(rows=2, tokens=240, num_bytes=800, available_rows=6, available_tokens=600)
    code = RowCounts(rows=6, tokens=560, num_bytes=900, available_rows=2, available_tokens=200)
    report = EMPTY.model_copy(update={"mixture": mixture})

    shares = report.with_counts([(("train", "prose"), prose), (("train", "code"), code)]).shares

    assert (shares["prose"].wanted, shares["code"].wanted) == (0.25, 0.75)
    assert (shares["prose"].realised, shares["code"].realised) == (0.3, 0.7)
    assert (shares["prose"].epochs, shares["code"].epochs) == (1 / 3, 3.0)


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
