"""Beam wiring of what CorpusGen gives: one TFRecord file a part, in the order of places.

A part's documents meet the decisions on them and are measured, encoded and written; what is left out becomes
a dead letter. A part without documents has no file.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import apache_beam as beam

from components import documents, tfrecords
from components.corpus_gen import decisions, placed, rejections, staging
from components.corpus_gen.counts import Count, CountKey
from components.corpus_gen.decisions import Part
from components.corpus_gen.staging import DeadLetters, Staging, WaitingRejected
from components.runs import Run

_KEPT = "kept"


class Written(NamedTuple):
    """What became of the documents."""

    counts: beam.PCollection
    """Of `Count`: what is kept."""
    dead_letters: DeadLetters


class WriteDocuments(beam.PTransform):
    """``((split, part), {"documents": runs, "decisions": runs})`` to files; gives `Written`."""

    def __init__(self, staging_: Staging, directories: Mapping[str, str]) -> None:
        """``directories`` are the files', by split."""
        super().__init__()
        self._write = _WriteDocuments(staging_, directories)

    def expand(self, part_to_found: beam.PCollection) -> Written:
        found = part_to_found | beam.ParDo(self._write).with_outputs(
            _KEPT, *WaitingRejected.OUTPUTS, main="runs"
        )
        return Written(found[_KEPT], staging.dead_letters(found))


class WriteRejected(beam.PTransform):
    """``(part, Run)`` of `rejections.Rejected` to files; gives their paths."""

    def __init__(self, staging_: Staging, directory: str) -> None:
        super().__init__()
        self._staging = staging_
        self._directory = directory

    def expand(self, part_to_run: beam.PCollection) -> beam.PCollection:
        return part_to_run | "ByPart" >> beam.GroupByKey() | "Write" >> beam.MapTuple(self._write)

    def _write(self, part: int, found: Iterable[Run]) -> str:
        path = path_of(self._directory, part, self._staging.num_parts)
        records = (rejections.encode(item.value) for item in placed.in_order(found))
        tfrecords.write(path, records, self._staging.directory)
        return path


def path_of(directory: str, part: int, num_parts: int) -> str:
    return f"{directory}/data_tfrecord-{part:05d}-of-{num_parts:05d}.gz"


class _WriteDocuments(beam.DoFn):
    def __init__(self, staging_: Staging, directories: Mapping[str, str]) -> None:
        self._staging = staging_
        self._directories = directories

    def process(self, part_to_found: tuple[Part, Mapping[str, Iterable[Run]]]) -> Iterator[Any]:
        (split, part), found = part_to_found
        rejected: list[tuple[str, Any]] = []
        counts: dict[CountKey, list[int]] = {}
        records = self._kept(split, found, rejected, counts)
        first = next(records, None)
        if first is not None:
            path = path_of(self._directories[split], part, self._staging.num_parts)
            tfrecords.write(path, itertools.chain([first], records), self._staging.directory)
        yield from staging.outputs("runs", iter(rejected))
        for key, (count, num_bytes) in counts.items():
            counted: Count = (key, (count, num_bytes))
            yield beam.pvalue.TaggedOutput(_KEPT, counted)

    def _kept(
        self,
        split: str,
        found: Mapping[str, Iterable[Run]],
        rejected: list[tuple[str, Any]],
        counts: dict[CountKey, list[int]],
    ) -> Iterator[bytes]:
        """The records to write, in order; notes, on the way, what is left out and what is kept."""
        waiting = WaitingRejected(self._staging)
        for document, decision in decisions.decided(found["documents"], found["decisions"]):
            if decision is not None:
                waiting.add(rejections.reject(document, *decision))
                if waiting.are_many:
                    rejected.extend(waiting.write())
                continue
            amount = counts.setdefault((document.source, "kept", split), [0, 0])
            amount[0] += 1
            amount[1] += len(document.text.encode())
            yield documents.encode(document)
        rejected.extend(waiting.write())
