"""Beam wiring of cleaning: text steps, then the allow list of languages, then the quality rules."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import apache_beam as beam
from apache_beam.metrics import Metrics
from apache_beam.transforms.window import GlobalWindows

from components.corpus_gen import rejections
from components.corpus_gen.cleaning import steps
from components.corpus_gen.cleaning.reason import Reason
from components.corpus_gen.cleaning.settings import CleaningConfig, QualityConfig
from components.corpus_gen.counts import CountKey
from components.corpus_gen.rejections import Rejected
from components.documents import Document

_NAMESPACE = "lexmill.cleaning"
_REJECTED = "rejected"
_COUNTS = "counts"
Tally = dict[CountKey, int]
Sift = Callable[[Document, Tally], "Document | Rejected"]
"""Keeps a document, perhaps another one than it is given, or rejects it; adds what it counts to the tally."""


class Cleaned(NamedTuple):
    """What a step gives."""

    kept: beam.PCollection
    """Of `Document`."""
    rejected: beam.PCollection
    """Of `Rejected`; together with what is kept, all that it was given."""
    counts: beam.PCollection
    """Of `counts.Count`, several a key: what was masked, and how many documents were changed."""


def sifting_steps(cleaning: CleaningConfig, quality: QualityConfig) -> list[tuple[str, beam.PTransform]]:
    """The steps that the settings put on, by label and in order; each from documents to `Cleaned`.

    Raises:
      CorpusError: a step's package is missing.
    """
    steps.require_packages(cleaning)
    found: list[tuple[str, beam.PTransform]] = []
    if steps.changes_text(cleaning):
        found.append(("CleanTexts", SiftEach(_Clean(cleaning))))
    if cleaning.languages:
        found.append(("FilterLanguages", SiftEach(_Filter("language", steps.judge_language, cleaning))))
    if quality.rules:
        found.append(("FilterQuality", SiftEach(_Filter("quality", steps.judge_quality, quality))))
    return found


class SiftEach(beam.PTransform):
    """`Document` to `Cleaned`, document by document, in the same order; bounded."""

    def __init__(self, sift: Sift) -> None:
        super().__init__()
        self._sift = sift

    def expand(self, found: beam.PCollection) -> Cleaned:
        sifted = found | beam.ParDo(_Sift(self._sift)).with_outputs(_REJECTED, _COUNTS, main="kept")
        return Cleaned(sifted["kept"], sifted[_REJECTED], sifted[_COUNTS])


class _Sift(beam.DoFn):
    def __init__(self, sift: Sift) -> None:
        self._sift = sift

    def start_bundle(self) -> None:
        self._tally: Tally = {}

    def process(self, document: Document) -> Iterator[Any]:
        result = self._sift(document, self._tally)
        yield beam.pvalue.TaggedOutput(_REJECTED, result) if isinstance(result, Rejected) else result

    def finish_bundle(self) -> Iterator[Any]:
        for key, count in self._tally.items():
            yield beam.pvalue.TaggedOutput(_COUNTS, GlobalWindows.windowed_value((key, (count, 0))))


class _Clean:
    """The text steps; what they leave without text, or with nothing after its prompt, is rejected."""

    def __init__(self, settings: CleaningConfig) -> None:
        self._settings = settings

    def __call__(self, document: Document, tally: Tally) -> Document | Rejected:
        cleaned = steps.clean(document, self._settings)
        for kind, count in cleaned.masked.items():
            Metrics.counter(_NAMESPACE, f"masked_{kind}").inc(count)
            key = (document.source, "masked", kind)
            tally[key] = tally.get(key, 0) + count
        for step in cleaned.changed:
            key = (document.source, "changed", step)
            tally[key] = tally.get(key, 0) + 1
        prompt, rest = cleaned.document.split_prompt()
        if rest.strip() and (prompt or not document.num_prompt_bytes):
            return cleaned.document
        return rejections.reject(document, "cleaning:empty", "the text steps left nothing of it")


class _Filter:
    """Rejects what a rule has a reason for: ``<kind>:<rule>``."""

    def __init__(self, kind: str, judge: Callable[[Document, Any], Reason | None], settings: Any) -> None:
        self._kind = kind
        self._judge = judge
        self._settings = settings

    def __call__(self, document: Document, tally: Tally) -> Document | Rejected:
        reason = self._judge(document, self._settings)
        if reason is None:
            return document
        return rejections.reject(document, f"{self._kind}:{reason.rule}", reason.detail)
