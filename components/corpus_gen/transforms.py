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

import contextlib
from collections.abc import Generator, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import apache_beam as beam
from apache_beam.io.filesystem import CompressionTypes
from apache_beam.io.filesystems import FileSystems

from components import documents, progress
from components.config import CorpusConfig
from components.corpus_gen import files, placed, rejections, splitting
from components.corpus_gen.cleaning import transforms as cleaning
from components.corpus_gen.counts import CorpusCounts, Count
from components.corpus_gen.duplicates.decontamination import FindContaminated
from components.corpus_gen.duplicates.transforms import FindDuplicates
from components.corpus_gen.file_names import FileNames
from components.corpus_gen.files import CorpusFile
from components.corpus_gen.reading import formats
from components.corpus_gen.reading.records import UNREADABLE, Malformed, Record
from components.corpus_gen.rejections import Rejected, Sifted
from components.corpus_gen.settings import CorpusGenSettings
from components.corpus_gen.source_files import HashedStream, SourceFile
from components.corpus_gen.staging import DeadLetters, StageDocuments, StageRejected, Staging, first_case
from components.corpus_gen.writing import WriteDocuments, WriteRejected
from components.documents import Document
from components.errors import CorpusError

_REJECTED = "rejected"
_NUM_READ = "num_read"
_FILES = "files"


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


class Read(NamedTuple):
    """What reading gives."""

    found: Sifted
    num_read: beam.PCollection
    """Of `Count`: the records read."""
    files: beam.PCollection
    """Of `SourceFile` as JSON text: the files read, with their hashes."""


class ReadDocuments(beam.PTransform):
    """Pipeline to `Read`; bounded, in no order.

    A record without text, or with nothing after its prompt, is rejected; one that is malformed, too,
    unless the configuration allows none: then it raises `CorpusError`.
    """

    def __init__(self, corpus: CorpusConfig, found: Sequence[CorpusFile]) -> None:
        """``found`` are the corpus' files."""
        super().__init__()
        self._corpus = corpus
        self._files = found

    def expand(self, pipeline: beam.Pipeline) -> Read:
        found = self._files
        size = progress.format_bytes(sum(file.num_bytes for file in found))
        progress.report(f"reading {len(found)} files, {size}")
        read = (
            pipeline
            | "Files" >> beam.Create(found)
            | "Spread" >> beam.Reshuffle()
            | "Read"
            >> beam.ParDo(_Read(len(found), self._corpus)).with_outputs(
                _REJECTED, _NUM_READ, _FILES, main="documents"
            )
        )
        return Read(Sifted(read["documents"], read[_REJECTED]), read[_NUM_READ], read[_FILES])


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


class _Read(beam.DoFn):
    """`files.CorpusFile` to `documents.Document`, in file order within a file, and three tagged outputs."""

    def __init__(self, num_files: int, corpus: CorpusConfig) -> None:
        self._num_files = num_files
        self._strict = corpus.max_bad_fraction == 0
        self._max_bytes = corpus.max_document_bytes
        self._num_files_read = 0

    def process(self, file: files.CorpusFile) -> Iterator[Any]:
        num_records = 0
        hashes: list[str] = []
        with contextlib.closing(self._records(file, hashes)) as records:
            for record in records:
                num_records += 1
                if not isinstance(record, Rejected):
                    yield record
                elif self._strict and record.is_malformed:
                    raise CorpusError(f"{file.path}: {record.detail}")
                else:
                    yield beam.pvalue.TaggedOutput(_REJECTED, record)
        key = (file.source.name, "read", "")
        yield beam.pvalue.TaggedOutput(_NUM_READ, (key, (num_records, 0)))
        read = SourceFile(
            source=file.source.name,
            path=file.relative_path,
            num_bytes=file.num_bytes,
            sha256=next(iter(hashes), None),
        )
        yield beam.pvalue.TaggedOutput(_FILES, read.model_dump_json())
        self._num_files_read += 1
        progress.report(f"read {file.relative_path}", completed=self._num_files_read, total=self._num_files)

    def _records(
        self, file: files.CorpusFile, hashes: list[str]
    ) -> Generator[Document | Rejected, None, None]:
        """Puts the file's hash, if it can be read to its end, into ``hashes`` at last."""
        try:
            stream = FileSystems.open(file.path, compression_type=CompressionTypes.UNCOMPRESSED)
        except Exception as error:  # Each file system has errors of its own.
            why = " ".join(str(error).split())
            detail = f"cannot be opened ({why}); check that it is still there, and its permissions"
            yield _document_or_rejected(Malformed(1, UNREADABLE, detail), file)
            return
        with stream:
            hashed: Any = HashedStream(stream)
            for record in formats.read(hashed, file.source, self._max_bytes):
                yield _document_or_rejected(record, file)
            with contextlib.suppress(Exception):  # Reading has told of a file that cannot be read.
                hashes.append(hashed.sha256())


def _document_or_rejected(record: Record, file: files.CorpusFile) -> Document | Rejected:
    source, document_id = file.source.name, documents.make_id(file.relative_path, record.line)
    if isinstance(record, Malformed):
        text = record.text[: rejections.MAX_TEXT_CHARACTERS]
        return Rejected(record.reason, source, document_id, record.detail, text)
    document = Document(record.text, source, document_id, record.num_prompt_bytes)
    if not record.text:
        return rejections.reject(document, "empty", "has no text")
    if record.lacks_completion:
        return rejections.reject(document, "no_completion", "has nothing after its prompt")
    return document


def _sum_amounts(amounts: Any) -> tuple[int, int]:
    documents_, num_bytes = 0, 0
    for one, size in amounts:
        documents_ += one
        num_bytes += size
    return documents_, num_bytes
