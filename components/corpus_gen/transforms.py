"""Beam wiring of CorpusGen.

    files -> documents -> steps -> splits -> files
                  └──────────┴────────┴───────> rejected -> dead letters, counts

Every step that can drop a document gives what it rejects as a second collection (`rejections`).
"""

from __future__ import annotations

import contextlib
from collections.abc import Generator, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import apache_beam as beam
from apache_beam.io.filesystem import CompressionTypes
from apache_beam.io.filesystems import FileSystems
from apache_beam.metrics import Metrics

from components import documents, progress
from components.config import CorpusConfig
from components.corpus_gen import files, rejections, splitting
from components.corpus_gen.cleaning import transforms as cleaning
from components.corpus_gen.counts import CorpusCounts, CountKey
from components.corpus_gen.duplicates.transforms import RemoveDuplicates
from components.corpus_gen.reading import formats
from components.corpus_gen.reading.records import UNREADABLE, Malformed, Record
from components.corpus_gen.rejections import Rejected, Sifted
from components.corpus_gen.settings import CorpusGenSettings
from components.corpus_gen.source_files import HashedStream, SourceFile
from components.documents import Document
from components.errors import CorpusError

_NAMESPACE = "lexmill.corpus"
_REJECTED = "rejected"
_NUM_READ = "num_read"
_FILES = "files"

Count = tuple[CountKey, tuple[int, int]]
"""``(key, (documents, bytes))``."""


def sifting_steps(settings: CorpusGenSettings) -> list[tuple[str, beam.PTransform]]:
    """The steps between reading and splitting, by label and in order; each from documents to `Sifted`."""
    steps = cleaning.sifting_steps(settings.cleaning, settings.quality)
    duplicates = settings.duplicates
    if duplicates.exact or duplicates.near:
        sources = [source.name for source in settings.corpus.sources]
        steps.append(("RemoveDuplicates", RemoveDuplicates(duplicates, sources)))
    return steps


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

    def __init__(self, corpus: CorpusConfig) -> None:
        super().__init__()
        self._corpus = corpus

    def expand(self, pipeline: beam.Pipeline) -> Read:
        found = files.list_files(self._corpus)
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


class SiftDocuments(beam.PTransform):
    """`documents.Document` to `Sifted`: what every one of the steps keeps, and what any of them rejects."""

    def __init__(self, steps: Sequence[tuple[str, beam.PTransform]]) -> None:
        super().__init__()
        self._steps = steps

    def expand(self, kept: beam.PCollection) -> Sifted:
        rejected = []
        for label, step in self._steps:
            kept, dropped = kept | label >> step
            rejected.append(dropped)
        return Sifted(kept, tuple(rejected) | "AllRejected" >> beam.Flatten(pipeline=kept.pipeline))


class SplitDocuments(beam.PTransform):
    """`documents.Document` to ``{split: documents}``, by a hash of the text (`splitting`)."""

    def __init__(self, shares: Mapping[str, int]) -> None:
        super().__init__()
        self._shares = shares

    def expand(self, found: beam.PCollection) -> dict[str, beam.PCollection]:
        shares = self._shares
        parts = found | beam.Partition(
            lambda document, _: splitting.index(document.text, shares), len(shares)
        )
        return dict(zip(shares, parts, strict=True))


class CountRecords(beam.PTransform):
    """``{split: documents}`` kept, with what was rejected, to `Count`, one a key."""

    def __init__(self, rejected: beam.PCollection, num_read: beam.PCollection) -> None:
        super().__init__()
        self._rejected = rejected
        self._num_read = num_read

    def expand(self, splits: Mapping[str, beam.PCollection]) -> beam.PCollection:
        kept = [
            found | f"Kept[{split}]" >> beam.Map(_count_kept, split).with_output_types(Count)
            for split, found in splits.items()
        ]
        dropped = self._rejected | "Dropped" >> beam.ParDo(_CountRejected()).with_output_types(Count)
        return (
            (*kept, dropped, self._num_read)
            | "All" >> beam.Flatten()
            | "Sum" >> beam.CombinePerKey(_sum_amounts)
        )


class WriteReport(beam.PTransform):
    """`Count`, one a key, with what was rejected, to `CorpusCounts` in a JSON file; gives its path."""

    def __init__(self, path: str, empty: CorpusCounts, rejected: beam.PCollection) -> None:
        super().__init__()
        self._path = path
        self._empty = empty
        self._rejected = rejected

    def expand(self, counts: beam.PCollection) -> beam.PCollection:
        examples = (
            self._rejected
            | "ByReason" >> beam.Map(lambda rejected: ((rejected.source, rejected.reason), rejected))
            | "First" >> beam.CombinePerKey(_first)
            | "Examples" >> beam.Values()
        )
        return (
            counts.pipeline
            | "Once" >> beam.Create([None])
            | "Write"
            >> beam.Map(
                lambda _, counted, rejected: self._write(counted, rejected),
                beam.pvalue.AsList(counts),
                beam.pvalue.AsList(examples),
            ).with_output_types(str)
        )

    def _write(self, counts: list[Count], examples: list[Rejected]) -> str:
        report = self._empty.with_counts(counts).with_examples(examples)
        with FileSystems.create(self._path, mime_type="application/json") as file:
            file.write(report.model_dump_json(indent=2).encode())
        return self._path


class WriteRecords(beam.PTransform):
    """Serialized records to gzipped TFRecord files in a folder, in no order."""

    def __init__(self, directory: str) -> None:
        super().__init__()
        self._directory = directory

    def expand(self, records: beam.PCollection) -> beam.PCollection:
        return (
            records
            | "Spread" >> beam.Reshuffle()
            | "Write" >> beam.io.WriteToTFRecord(f"{self._directory}/data_tfrecord", file_name_suffix=".gz")
        )


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


class _CountRejected(beam.DoFn):
    """`Rejected` to `Count`; each reason is a Beam counter, too, for who watches a runner."""

    def process(self, rejected: Rejected) -> Iterator[Count]:
        Metrics.counter(_NAMESPACE, rejected.reason).inc()
        yield (rejected.source, "dropped", rejected.reason), (1, 0)


def _count_kept(document: Document, split: str) -> Count:
    return (document.source, "kept", split), (1, len(document.text.encode()))


def _sum_amounts(amounts: Any) -> tuple[int, int]:
    documents_, num_bytes = 0, 0
    for one, size in amounts:
        documents_ += one
        num_bytes += size
    return documents_, num_bytes


def _first(rejections_: Any) -> Rejected:
    """By place; the same for any number of workers."""
    return min(
        rejections_,
        key=lambda rejected: (rejected.source, documents.split_id(rejected.document_id), rejected.detail),
    )
