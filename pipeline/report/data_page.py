"""From a corpus' counts and profile to the page of ``lexmill data report``."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterator, Mapping

import numpy as np
from markupsafe import Markup

from components.corpus_gen.cleaning.settings import CleaningConfig
from components.corpus_gen.counts import CorpusCounts
from components.corpus_gen.rejections import Rejected
from components.progress import format_bytes
from models.tokenizing.vocabulary import Vocabulary
from pipeline.data.outputs import ROWS, TOKENIZER, DataOutputs
from pipeline.data.profile import CLASSES_PER_DECADE, Profile, Tally
from pipeline.data.row_text import quote
from pipeline.report import templates
from pipeline.report.bars import bar, histogram
from pipeline.report.page import Row

MASKED = {"email": "e-mail", "ip": "IP", "phone": "phone", "secret": "secrets"}
"""Kind -> what the page calls it."""
MOST_TOKENS = 45
MOST_ROWS = 12
"""Of a table that opens to more."""
_MOST_SOURCES = 12
"""Whose lengths are drawn apart."""
_SHOWN_CHARACTERS = 300
_LEAKS = ("duplicate", "contaminated")
"""The kinds of reasons that mean: the text was there already."""


@dataclasses.dataclass(frozen=True)
class Cells:
    """A row of a table: a name, a bar for its share, and figures in words."""

    name: str
    bar: Markup
    figures: tuple[str, ...]


@dataclasses.dataclass(frozen=True)
class Reason:
    """Why something was left out, how often, and of which sources."""

    name: str
    count: int
    bar: Markup
    sources: str
    examples: list[Rejected]


def render(pipeline: str, started: str, outputs: DataOutputs, profile: Profile) -> str:
    """The whole page."""
    vocabulary = outputs.tokenizer.vocabulary if outputs.has(TOKENIZER) else None
    reasons = list(_reasons(outputs, profile))
    return templates.render(
        "data.html.j2",
        {"excerpt": _excerpt},
        pipeline=pipeline,
        run_id=outputs.run_id,
        started=started,
        facts=list(_facts(outputs, profile, vocabulary)),
        sources=list(_sources(outputs)),
        mixture=list(_mixture(outputs)),
        languages=list(_languages(profile)),
        most_rows=MOST_ROWS,
        share=profile.share,
        charts=_charts(profile),
        reasons=[reason for reason in reasons if reason.name.partition(":")[0] not in _LEAKS],
        leaks=[reason for reason in reasons if reason.name.partition(":")[0] in _LEAKS],
        masked=list(_masked(outputs.corpus)),
        masked_kinds=list(MASKED.values()),
        changed=list(_changed(outputs.corpus)),
        fertility=[
            (title, list(_fertility(tallies)))
            for title, tallies in (("language", profile.by_language), ("source", profile.by_source))
            if vocabulary
        ],
        vocabulary=_use(vocabulary, profile.token_counts) if vocabulary else "",
        tokens=list(_tokens(vocabulary, profile.token_counts)) if vocabulary else [],
    )


def _facts(outputs: DataOutputs, profile: Profile, vocabulary: Vocabulary | None) -> Iterator[Row]:
    corpus = outputs.corpus
    amounts = [corpus.kept(split) for split in corpus.splits]
    yield Row("documents", f"{sum(amount.documents for amount in amounts):,}")
    yield Row("text", format_bytes(sum(amount.num_bytes for amount in amounts)))
    if outputs.has(ROWS):
        totals = [outputs.packing.total(split) for split in outputs.packing.splits]
        yield Row("tokens, ends of documents too", f"{sum(total.available_tokens for total in totals):,}")
        mixed = ", as mixed" if outputs.packing.shares else ""
        yield Row(f"rows{mixed}", f"{sum(total.rows for total in totals):,}")
    dropped = sum(corpus.dropped().values())
    yield Row("left out", f"{dropped:,} of {corpus.read:,} records")
    yield Row("languages", f"{len(profile.by_language):,}")
    if vocabulary:
        total = _sum(profile.by_source)
        yield Row("bytes per token", f"{total.num_bytes / max(total.tokens, 1):.2f}")


def _sources(outputs: DataOutputs) -> Iterator[tuple[str, str, list[Cells]]]:
    """(source, its licence, a row for each split): exact counts, the bar as to the whole corpus. Tokens are
    the documents', like their bytes: what a mixture takes of them is a table of its own."""
    corpus, has_rows = outputs.corpus, outputs.has(ROWS)
    whole = sum(corpus.kept(split).num_bytes for split in corpus.splits)
    for name, source in corpus.sources.items():
        lines = []
        for split, amount in ((split, source.kept[split]) for split in corpus.splits if split in source.kept):
            figures = [f"{amount.documents:,}", f"{amount.num_bytes:,}"]
            share = amount.num_bytes / max(whole, 1)
            if has_rows:
                counts = outputs.packing.splits[split].get(name)
                amounts = (counts.available_tokens, counts.available_masked_tokens) if counts else (0, 0)
                figures += [f"{tokens:,}" for tokens in amounts]
            lines.append(Cells(split, Markup(bar(share)), (*figures, f"{share:.1%}")))
        yield name, source.licence, lines


def _mixture(outputs: DataOutputs) -> Iterator[Cells]:
    """Of the train split's rows, where a mixture decides how often each source's are taken."""
    shares = outputs.packing.shares if outputs.has(ROWS) else {}
    for name in (name for name in outputs.corpus.sources if name in shares):
        share = shares[name]
        parts = (f"{share.wanted:.1%}", f"{share.realised:.1%}", f"{share.epochs:.2f}")
        figures = (*parts, f"{share.tokens:,}", f"{share.rows:,}", f"{share.num_bytes:,}")
        yield Cells(name, Markup(bar(share.realised)), figures)


def _masked(corpus: CorpusCounts) -> Iterator[tuple[str, list[str]]]:
    """(source, how many of each of `MASKED`), of the sources that had some."""
    for name, source in corpus.sources.items():
        if source.masked:
            yield name, [f"{source.masked.get(kind, 0):,}" for kind in MASKED]


def _changed(corpus: CorpusCounts) -> Iterator[Cells]:
    """Of each cleaning step that changed a document, in the order in which they are taken."""
    for step in CleaningConfig.model_fields:
        by_source = {name: source.changed.get(step, 0) for name, source in corpus.sources.items()}
        if count := sum(by_source.values()):
            share = count / max(corpus.read, 1)
            of = ", ".join(f"{name} {number:,}" for name, number in by_source.items() if number)
            yield Cells(step, Markup(bar(share)), (f"{count:,}", f"{share:.1%}", of))


def _languages(profile: Profile) -> Iterator[Cells]:
    """The most text first."""
    whole = _sum(profile.by_language)
    for name, tally in _largest(profile.by_language):
        share = tally.num_bytes / max(whole.num_bytes, 1)
        figures = (f"{tally.documents:,}", f"{tally.num_bytes:,}", f"{tally.tokens:,}", f"{share:.1%}")
        yield Cells("not identified" if name == "und" else name, Markup(bar(share)), figures)


def _charts(profile: Profile) -> list[tuple[str, str, Markup]]:
    """(title, unit, drawing): all documents, then the largest sources apart."""
    drawn = [
        ("All sources", unit, histogram("All sources", unit, sum(lengths.values(), Counter())))
        for unit, lengths in (("bytes", profile.byte_lengths), ("tokens", profile.token_lengths))
    ]
    lengths, unit = (
        (profile.token_lengths, "tokens") if profile.token_lengths else (profile.byte_lengths, "bytes")
    )
    if len(lengths) > 1:
        names = [name for name, _ in _largest(profile.by_source)][:_MOST_SOURCES]
        drawn += [(name, unit, histogram(name, unit, lengths[name], CLASSES_PER_DECADE)) for name in names]
    return [(title, unit, Markup(drawing)) for title, unit, drawing in drawn if drawing]


def _reasons(outputs: DataOutputs, profile: Profile) -> Iterator[Reason]:
    """The most frequent first."""
    corpus = outputs.corpus
    for name, count in corpus.dropped().items():
        sources = [
            f"{source} {counts.dropped[name]:,} of {counts.read:,}"
            for source, counts in corpus.sources.items()
            if counts.dropped.get(name)
        ]
        drawing = Markup(bar(count / max(corpus.read, 1)))
        yield Reason(name, count, drawing, ", ".join(sources), profile.examples.get(name, []))


def _fertility(tallies: Mapping[str, Tally]) -> Iterator[Cells]:
    """Tokens for each word, character and byte; the bar is tokens a character, of at most one."""
    for name, tally in _largest(tallies):
        if tally.tokens:
            per = (tally.tokens / max(n, 1) for n in (tally.words, tally.characters, tally.num_bytes))
            figures = tuple(f"{value:.3f}" for value in per)
            drawing = Markup(bar(tally.tokens / max(tally.characters, 1)))
            yield Cells("not identified" if name == "und" else name, drawing, figures)


def _use(vocabulary: Vocabulary, counts: np.ndarray) -> str:
    """How much of the vocabulary the text uses."""
    pieces = vocabulary.byte_lengths > 0
    unused, size = int((counts[pieces] == 0).sum()), int(pieces.sum())
    singles = int((counts[pieces] == 1).sum())
    return (
        f"{unused:,} of {size:,} tokens that stand for text ({unused / max(size, 1):.1%}) do not occur, "
        f"{singles:,} occur once."
    )


def _tokens(vocabulary: Vocabulary, counts: np.ndarray) -> Iterator[Cells]:
    """The most frequent tokens."""
    whole = max(int(counts.sum()), 1)
    order = np.argsort(-counts, kind="stable")[:MOST_TOKENS]
    most = max(int(counts[order[0]]), 1) if len(order) else 1
    for token_id in order.tolist():
        if counts[token_id]:
            figures = (str(token_id), f"{counts[token_id]:,}", f"{counts[token_id] / whole:.2%}")
            drawing = Markup(bar(int(counts[token_id]) / most))
            yield Cells(quote(vocabulary.token_bytes[token_id]), drawing, figures)


def _excerpt(text: str) -> str:
    """The start of a text, in quotes, so that what does not print is seen."""
    return quote(text[:_SHOWN_CHARACTERS].encode()) + (" …" if len(text) > _SHOWN_CHARACTERS else "")


def _largest(tallies: Mapping[str, Tally]) -> list[tuple[str, Tally]]:
    return sorted(tallies.items(), key=lambda item: (-item[1].num_bytes, item[0]))


def _sum(tallies: Mapping[str, Tally]) -> Tally:
    whole = Tally()
    for tally in tallies.values():
        for field in dataclasses.fields(Tally):
            setattr(whole, field.name, getattr(whole, field.name) + getattr(tally, field.name))
    return whole
