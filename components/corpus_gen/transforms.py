"""Beam wiring of CorpusGen.

    files -> documents -> cleaning ─► runs on disk ─┬─────────────────────────────────────┬─► files
                 │           │                      └─► duplicates, contaminated: decisions ─┤
                 └───────────┴───────────────────────────────────────────────────────────────┴─► dead letters

Every step that can drop a document says which and why (`rejections`, `decisions`). What is large lies on
disk, in order, and where it lies travels between the steps (`staging`): so a worker's memory is that of some
blocks and of fixed sizes, however large the corpus is, and the files are the same bytes for any number of
workers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import apache_beam as beam
from apache_beam.io.filesystems import FileSystems

from components.corpus_gen import placed, splitting
from components.corpus_gen.cleaning import transforms as cleaning
from components.corpus_gen.counts import CorpusCounts, Count
from components.corpus_gen.duplicates.decontamination import FindContaminated
from components.corpus_gen.duplicates.transforms import FindDuplicates
from components.corpus_gen.file_names import FileNames
from components.corpus_gen.files import CorpusFile
from components.corpus_gen.reading.transforms import ReadDocuments
from components.corpus_gen.rejections import Rejected
from components.corpus_gen.settings import CorpusGenSettings
from components.corpus_gen.staging import DeadLetters, StageDocuments, StageRejected, Staging, first_case
from components.corpus_gen.writing import WriteDocuments, WriteRejected


class Directories(NamedTuple):
    """Where the stage writes."""

    splits: Mapping[str, str]
    """The documents', by split."""
    rejected: str
    staging: str
    """What is in it is of no use once the stage is over."""


class Made(NamedTuple):
    """What is to be told of a corpus."""

    counts: beam.PCollection
    """Of `Count`, one a key."""
    examples: beam.PCollection
    """Of `Rejected`, the first case of each source and reason."""
    files: beam.PCollection
    """Of `SourceFile` as JSON text."""


class MakeCorpus(beam.PTransform):
    """Pipeline to files of documents and of dead letters; gives `Made`."""

    def __init__(self, settings: CorpusGenSettings, found: Sequence[CorpusFile], to: Directories) -> None:
        """``found`` are the corpus' files."""
        super().__init__()
        self._settings = settings
        self._files = found
        self._to = to

    def expand(self, pipeline: beam.Pipeline) -> Made:
        settings, splits = self._settings, tuple(self._to.splits)
        staging = self._staging()
        read = pipeline | ReadDocuments(settings.corpus, self._files)
        kept, rejected, counts = read.found.kept, [read.found.rejected], [read.num_read]
        for label, step in cleaning.sifting_steps(settings.cleaning, settings.quality):
            kept, dropped, counted = kept | label >> step
            rejected.append(dropped)
            counts.append(counted)
        ranks = {source.name: number for number, source in enumerate(settings.corpus.sources)}
        shares = splitting.shares(settings.corpus)
        staged = kept | StageDocuments(staging, shares, settings.duplicates, ranks)
        duplicates = FindDuplicates(settings.duplicates, staging, splits).of(staged)
        found = meet("Unique", staged.documents, duplicates)
        if settings.decontamination.is_on:
            contaminated = found | FindContaminated(settings.decontamination, staging)
            found = meet("Clean", staged.documents, [*duplicates, contaminated])
        written = found | WriteDocuments(staging, self._to.splits)
        letters = [
            part | f"StageRejected[{number}]" >> StageRejected(staging)
            for number, part in enumerate(rejected)
        ]
        counts.append(written.counts)
        return self._told(staging, read.files, counts, [*letters, written.dead_letters])

    def _staging(self) -> Staging:
        count = placed.num_parts(sum(file.num_bytes for file in self._files))
        names = FileNames.write(
            f"{self._to.staging}/file_names", {file.relative_path for file in self._files}
        )
        return Staging(self._to.staging, count, names)

    def _told(
        self,
        staging: Staging,
        read_files: beam.PCollection,
        counts: Sequence[beam.PCollection],
        letters: Sequence[DeadLetters],
    ) -> Made:
        counts = [*counts, *(each.counts for each in letters)]
        _ = (
            [each.staged for each in letters]
            | "Rejected" >> beam.Flatten()
            | WriteRejected(staging, self._to.rejected)
        )
        examples = (
            [each.examples for each in letters]
            | "Examples" >> beam.Flatten()
            | "First" >> beam.CombinePerKey(first_case)
            | "Cases" >> beam.Values()
        )
        return Made(counts | "Counts" >> beam.Flatten() | SumCounts(), examples, read_files)


def meet(
    label: str, to_documents: beam.PCollection, to_decisions: Sequence[beam.PCollection]
) -> beam.PCollection:
    """Runs of documents, and of decisions on them, by part."""
    pipeline = to_documents.pipeline
    decisions = tuple(to_decisions) | f"{label}Decisions" >> beam.Flatten(pipeline=pipeline)
    return {"documents": to_documents, "decisions": decisions} | f"{label}Documents" >> beam.CoGroupByKey()


class SumCounts(beam.PTransform):
    """`Count` to `Count`, one a key."""

    def expand(self, counts: beam.PCollection) -> beam.PCollection:
        return counts | beam.CombinePerKey(_sum_amounts)


class WriteReport(beam.PTransform):
    """Pipeline to `CorpusCounts` in a JSON file; gives its path."""

    def __init__(self, path: str, empty: CorpusCounts, made: Made) -> None:
        super().__init__()
        self._path = path
        self._empty = empty
        self._made = made

    def expand(self, pipeline: beam.Pipeline) -> beam.PCollection:
        return (
            pipeline
            | "Once" >> beam.Create([None])
            | "Write"
            >> beam.Map(
                lambda _, counted, rejected: self._write(counted, rejected),
                beam.pvalue.AsList(self._made.counts),
                beam.pvalue.AsList(self._made.examples),
            ).with_output_types(str)
        )

    def _write(self, counts: list[Count], examples: list[Rejected]) -> str:
        report = self._empty.with_counts(counts).with_examples(examples)
        with FileSystems.create(self._path, mime_type="application/json") as file:
            file.write(report.model_dump_json(indent=2).encode())
        return self._path


def _sum_amounts(amounts: Any) -> tuple[int, int]:
    documents_, num_bytes = 0, 0
    for one, size in amounts:
        documents_ += one
        num_bytes += size
    return documents_, num_bytes
