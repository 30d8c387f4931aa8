from __future__ import annotations

import datetime
from pathlib import Path

import pytest

from components.config import CorpusConfig, SourceConfig
from components.corpus_gen import files, spans
from components.errors import CorpusError


def corpus(folder: Path, *patterns: str, span: int | datetime.date | None = None) -> CorpusConfig:
    sources = tuple(SourceConfig(name=f"s{n}", pattern=pattern) for n, pattern in enumerate(patterns))
    return CorpusConfig(path=str(folder), sources=sources, span=span)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    root = tmp_path / "corpus [1]"
    for name in (
        "day-2026-01-30/v1/a.txt",
        "day-2026-01-31/v1/a.txt",
        "day-2026-01-31/v2/deep/a.txt",
        "batch-09/a.txt",
        "batch-10/a.txt",
        "other-9/a.txt",
        "plain.txt",
    ):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    return root


def test_the_latest_span_is_taken(folder: Path) -> None:
    resolved = spans.resolve(corpus(folder, "batch-{SPAN}/*.txt", "plain.txt"))

    assert [source.pattern for source in resolved.corpus.sources] == ["batch-10/*.txt", "plain.txt"]
    assert (resolved.span, resolved.version) == (10, None)


def test_new_data_that_arrives_is_another_corpus(folder: Path) -> None:
    config = corpus(folder, "batch-{SPAN}/*.txt")
    before = files.fingerprint(files.list_files(spans.resolve(config).corpus))

    (folder / "batch-11").mkdir()
    (folder / "batch-11" / "a.txt").write_text("new")

    resolved = spans.resolve(config)
    assert resolved.span == 11
    assert files.fingerprint(files.list_files(resolved.corpus)) != before


def test_a_date_is_a_span_and_its_latest_version_is_taken(folder: Path) -> None:
    resolved = spans.resolve(corpus(folder, "day-{YYYY}-{MM}-{DD}/v{VERSION}/**.txt"))

    assert resolved.corpus.sources[0].pattern == "day-2026-01-31/v2/**.txt"
    assert resolved.span == (datetime.date(2026, 1, 31) - datetime.date(1970, 1, 1)).days
    assert resolved.version == 2
    assert [file.relative_path for file in files.list_files(resolved.corpus)] == [
        "day-2026-01-31/v2/deep/a.txt"
    ]


@pytest.mark.parametrize(
    ("pattern", "span", "expected"),
    [
        ("batch-{SPAN:2}/*.txt", 9, "batch-09/*.txt"),
        ("day-{YYYY}-{MM}-{DD}/v{VERSION}/*.txt", datetime.date(2026, 1, 30), "day-2026-01-30/v1/*.txt"),
    ],
)
def test_a_span_may_be_named(folder: Path, pattern: str, span: int | datetime.date, expected: str) -> None:
    assert spans.resolve(corpus(folder, pattern, span=span)).corpus.sources[0].pattern == expected


def test_resolving_again_changes_nothing(folder: Path) -> None:
    resolved = spans.resolve(corpus(folder, "batch-{SPAN:2}/*.txt", span=9)).corpus

    assert spans.resolve(resolved).corpus == resolved


def test_sources_whose_latest_spans_differ_are_an_error(folder: Path) -> None:
    with pytest.raises(CorpusError, match=r"spans differ \(s0 10, s1 9\): wait for the rest"):
        spans.resolve(corpus(folder, "batch-{SPAN}/*.txt", "other-{SPAN}/*.txt"))


@pytest.mark.parametrize(
    ("pattern", "span", "words"),
    [
        ("none-{SPAN}/*", None, "no span or version to be had"),
        ("batch-{SPAN:2}/*", 12, "with corpus.span = 12"),
        ("batch-{SPAN}-{YYYY}/*", None, "exclusively"),
        ("batch-{VERSION}/*", None, "Span or Date spec is not present"),
        ("da{SPAN}/*", None, "Cannot find span number"),
        ("plain.txt", 3, "no source's pattern has {SPAN}"),
    ],
)
def test_a_span_that_cannot_be_is_an_error_in_one_line(
    folder: Path, pattern: str, span: int | None, words: str
) -> None:
    with pytest.raises(CorpusError) as caught:
        spans.resolve(corpus(folder, pattern, span=span))

    assert words in str(caught.value)
    assert "\n" not in str(caught.value)
