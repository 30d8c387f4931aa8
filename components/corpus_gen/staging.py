"""Beam wiring of what CorpusGen has read: documents, fingerprints and dead letters to runs on disk.

Beam's local runner holds in memory what goes from one step to the next where workers meet. So texts go to a
folder that all workers see, and only where they lie travels (`placed`, `components.runs`).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import apache_beam as beam
from apache_beam.metrics import Metrics
from apache_beam.transforms.window import GlobalWindows

from components import documents, runs, sorted_records
from components.corpus_gen import decisions, placed, splitting
from components.corpus_gen.duplicates.fingerprints import Fingerprint, Fingerprints, Place, first_numbers
from components.corpus_gen.duplicates.settings import DuplicatesConfig
from components.corpus_gen.file_names import FileNames
from components.corpus_gen.placed import Placed, WaitingItems
from components.corpus_gen.rejections import Rejected
from components.documents import Document

_NAMESPACE = "lexmill.corpus"
_COPIES, _BANDS, _COUNTS, _EXAMPLES = "copies", "bands", "counts", "examples"
_MANY_FINGERPRINTS = 8192


@dataclasses.dataclass(frozen=True)
class Staging:
    """Where it is, and into how many parts the corpus is divided."""

    directory: str
    num_parts: int
    names: FileNames


class Staged(NamedTuple):
    """Collections of where things lie."""

    documents: beam.PCollection
    """Of ``((split, part), Run)``."""
    copies: beam.PCollection
    """Of ``(range of hashes, Run)`` of sorted `fingerprints.COPY` records; none where nothing is
    to be compared."""
    bands: beam.PCollection
    """Likewise, of `fingerprints.band_dtype` records."""


class DeadLetters(NamedTuple):
    """What became of the records that a step rejects."""

    staged: beam.PCollection
    """Of ``(part, Run)`` of `Rejected`."""
    counts: beam.PCollection
    """Of `Count`, several a key."""
    examples: beam.PCollection
    """Of ``((source, reason), Rejected)``, several a key."""


class StageDocuments(beam.PTransform):
    """`Document` to `Staged`; bounded, in any order."""

    def __init__(
        self,
        staging: Staging,
        shares: Mapping[str, int],
        settings: DuplicatesConfig,
        ranks: Mapping[str, int],
    ) -> None:
        """``ranks`` are the sources' places in the configuration."""
        super().__init__()
        self._stage = _StageDocuments(staging, shares, settings, ranks)

    def expand(self, found: beam.PCollection) -> Staged:
        staged = found | beam.ParDo(self._stage).with_outputs(_COPIES, _BANDS, main="documents")
        return Staged(staged["documents"], staged[_COPIES], staged[_BANDS])


class StageRejected(beam.PTransform):
    """`Rejected` to `DeadLetters`; bounded, in any order. Each reason is a Beam counter, too, for who watches
    a runner."""

    def __init__(self, staging: Staging) -> None:
        super().__init__()
        self._stage = _StageRejected(staging)

    def expand(self, rejected: beam.PCollection) -> DeadLetters:
        staged = rejected | beam.ParDo(self._stage).with_outputs(_COUNTS, _EXAMPLES, main="runs")
        return dead_letters(staged)


def dead_letters(outputs: Any) -> DeadLetters:
    """Of a step with the outputs of `WaitingRejected`."""
    return DeadLetters(outputs["runs"], outputs[_COUNTS], outputs[_EXAMPLES])


class WaitingRejected:
    """Rejected records until there are enough for a run of each part, with their counts and first cases."""

    OUTPUTS = (_COUNTS, _EXAMPLES)

    def __init__(self, staging: Staging) -> None:
        self._num_parts = staging.num_parts
        self._items: WaitingItems[int] = WaitingItems(staging.directory)
        self._counts: dict[tuple[str, str], int] = {}
        self._examples: dict[tuple[str, str], Rejected] = {}

    def add(self, rejected: Rejected) -> None:
        key = (rejected.source, rejected.reason)
        Metrics.counter(_NAMESPACE, rejected.reason).inc()
        self._counts[key] = self._counts.get(key, 0) + 1
        self._examples[key] = first_case([rejected, self._examples.get(key, rejected)])
        item = Placed.of(rejected.document_id, rejected)
        part = placed.part_of(item.path, item.line, self._num_parts)
        self._items.add(part, item, len(rejected.text) + len(rejected.detail))

    @property
    def are_many(self) -> bool:
        return self._items.are_many

    def write(self) -> Iterator[tuple[str, Any]]:
        """``(output, element)``, of what waits; then nothing does."""
        yield from (("runs", run) for run in self._items.write())
        for (source, reason), count in self._counts.items():
            yield _COUNTS, ((source, "dropped", reason), (count, 0))
        yield from ((_EXAMPLES, example) for example in self._examples.items())
        self._counts, self._examples = {}, {}


def first_case(rejections_: Any) -> Rejected:
    """By place; the same for any number of workers."""
    found: Rejected = min(
        rejections_,
        key=lambda rejected: (rejected.source, documents.split_id(rejected.document_id), rejected.detail),
    )
    return found


def outputs(main: str, found: Iterator[tuple[str, Any]], at_end: bool = False) -> Iterator[Any]:
    """``(output, element)`` as a DoFn gives it; ``at_end`` of a bundle, where Beam wants to know a window."""
    for output, element in found:
        value = GlobalWindows.windowed_value(element) if at_end else element
        yield value if output == main else beam.pvalue.TaggedOutput(output, value)


class _StageDocuments(beam.DoFn):
    def __init__(
        self,
        staging: Staging,
        shares: Mapping[str, int],
        settings: DuplicatesConfig,
        ranks: Mapping[str, int],
    ) -> None:
        self._staging = staging
        self._shares = shares
        self._splits = tuple(shares)
        self._ranks = ranks
        self._are_compared = settings.exact or settings.near
        self._settings = settings

    def setup(self) -> None:
        self._fingerprints = Fingerprints(self._settings)

    def start_bundle(self) -> None:
        self._documents: WaitingItems[decisions.Part] = WaitingItems(self._staging.directory)
        self._found: list[Fingerprint] = []

    def process(self, document: Document) -> Iterator[Any]:
        split = splitting.index(document.text, self._shares)
        item = decisions.place_document(document)
        part = placed.part_of(item.path, item.line, self._staging.num_parts)
        self._documents.add((self._splits[split], part), item, len(document.text))
        if self._are_compared:
            place = Place(split, self._staging.names.number_of(item.path), item.line)
            self._found.append(self._fingerprints.of(document.text, self._ranks[document.source], place))
        if self._documents.are_many or len(self._found) >= _MANY_FINGERPRINTS:
            yield from outputs("documents", self._write())

    def finish_bundle(self) -> Iterator[Any]:
        yield from outputs("documents", self._write(), at_end=True)

    def _write(self) -> Iterator[tuple[str, Any]]:
        yield from (("documents", run) for run in self._documents.write())
        if self._settings.exact:
            yield from self._write_records(_COPIES, self._fingerprints.copies(self._found))
        if self._settings.near:
            yield from self._write_records(_BANDS, self._fingerprints.bands(self._found))
        self._found = []

    def _write_records(self, output: str, records: Any) -> Iterator[tuple[str, Any]]:
        if len(records):
            ranges = sorted_records.by_range(records, first_numbers(records), self._staging.num_parts)
            key_to_blocks = ((number, sorted_records.to_blocks(piece)) for number, piece in ranges)
            yield from ((output, run) for run in runs.write(self._staging.directory, key_to_blocks))


class _StageRejected(beam.DoFn):
    def __init__(self, staging: Staging) -> None:
        self._staging = staging

    def start_bundle(self) -> None:
        self._waiting = WaitingRejected(self._staging)

    def process(self, rejected: Rejected) -> Iterator[Any]:
        self._waiting.add(rejected)
        if self._waiting.are_many:
            yield from outputs("runs", self._waiting.write())

    def finish_bundle(self) -> Iterator[Any]:
        yield from outputs("runs", self._waiting.write(), at_end=True)
