"""Beam wiring of SequencePacker.

    documents -> tokens -> streams (source, language, length, shard) -> rows -> output shards -> files

Everything goes by content: a document's stream by a hash of its file's name, its place in the
stream by file name and line, a row's file and its place there by a hash of the row. So the
files are the same bytes for any number of workers, and rows of all sources are mixed, which a
training that shuffles only within a buffer needs. The price: one stream's tokens, and one
output file's rows, are in one worker's memory; ``num_shards`` divides both.

No TensorFlow here: workers start in a second instead of several.
"""

from __future__ import annotations

import gzip
import hashlib
import uuid
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import apache_beam as beam
import numpy as np
from apache_beam.io import tfrecordio
from apache_beam.io.filesystem import CompressionTypes
from apache_beam.io.filesystems import FileSystems

from components import documents, progress
from components.config import PackingConfig
from components.sequence_packer import packing, slicing, tokenizing
from components.sequence_packer.counts import PackingReport, RowCounts
from models.tokenizing import reading
from models.tokenizing.reading import TextTokenizer

_ROWS = "rows"
_COUNTS = "counts"


Stream = tuple[str, str, str, int]
"""Source, language, length (`slicing`) and shard: documents that are packed one after the other. Plain, as
Beam groups by it."""


class StreamItem(NamedTuple):
    """One document on its way to its stream; sorts by its place there."""

    path: str
    line: int
    token_ids: bytes
    """int32, native byte order: compares and travels cheaper than an array."""
    num_bytes: int
    num_prompt_tokens: int
    num_prompt_bytes: int


class PackSplit(beam.PTransform):
    """Serialized documents of one split to files of rows; gives ``((split, source), RowCounts)``.

    A document that is not as `components.documents` declares raises; none is left out.
    """

    def __init__(
        self, split: str, model_path: str, settings: PackingConfig, directory: str, staging_directory: str
    ) -> None:
        super().__init__()
        self._split = split
        self._model_path = model_path
        self._settings = settings
        self._directory = directory
        self._staging_directory = staging_directory

    def expand(self, serialized: beam.PCollection) -> beam.PCollection:
        split, settings = self._split, self._settings
        rows, source_to_counts = (
            serialized
            | TokenizeDocuments(self._model_path, split, settings)
            | PackStreams(self._model_path, settings.sequence_length)
        )
        _ = rows | WriteRows(self._directory, self._staging_directory, settings.num_shards)
        return source_to_counts | beam.MapTuple(lambda source, counts: ((split, source), counts))


class TokenizeDocuments(beam.PTransform):
    """Serialized documents to ``(Stream, StreamItem)``; one to one, in no order."""

    def __init__(self, model_path: str, split: str, settings: PackingConfig) -> None:
        super().__init__()
        self._tokenize = _Tokenize(model_path, split, settings)

    def expand(self, serialized: beam.PCollection) -> beam.PCollection:
        return serialized | beam.ParDo(self._tokenize).with_output_types(tuple[Stream, StreamItem])


class PackStreams(beam.PTransform):
    """``(Stream, StreamItem)`` to serialized rows and, second, ``(source, RowCounts)`` by stream.

    Rows of a stream in order, streams in none.
    """

    def __init__(self, model_path: str, sequence_length: int) -> None:
        super().__init__()
        self._model_path = model_path
        self._sequence_length = sequence_length

    def expand(self, stream_to_item: beam.PCollection) -> tuple[beam.PCollection, beam.PCollection]:
        packed = (
            stream_to_item
            | "ByStream" >> beam.GroupByKey()
            | "Pack"
            >> beam.ParDo(_Pack(self._model_path, self._sequence_length)).with_outputs(_COUNTS, main=_ROWS)
        )
        return packed[_ROWS], packed[_COUNTS]


class WriteRows(beam.PTransform):
    """Serialized rows to ``num_shards`` TFRecord files, sorted by hash; gives the files' paths.

    Files without rows are written, too.
    """

    def __init__(self, directory: str, staging_directory: str, num_shards: int) -> None:
        super().__init__()
        self._directory = directory
        self._staging_directory = staging_directory
        self._num_shards = num_shards

    def expand(self, rows: beam.PCollection) -> beam.PCollection:
        num_shards = self._num_shards
        shard_to_row = rows | "ToShard" >> beam.Map(lambda row: (_hash(row) % num_shards, row))
        shard_to_none = rows.pipeline | "EveryShard" >> beam.Create(
            [(shard, None) for shard in range(num_shards)]
        )
        return (
            {"rows": shard_to_row, "every": shard_to_none}
            | "ByShard" >> beam.CoGroupByKey()
            | "Write" >> beam.MapTuple(lambda shard, found: self._write(shard, found["rows"]))
        )

    def _write(self, shard: int, rows: Iterable[bytes]) -> str:
        path = f"{self._directory}/data_tfrecord-{shard:05d}-of-{self._num_shards:05d}.gz"
        write_records(path, sorted(rows, key=lambda row: (_hash(row), row)), self._staging_directory)
        return path


class WriteReport(beam.PTransform):
    """``((split, source), RowCounts)`` to one `PackingReport` in a JSON file; gives its path."""

    def __init__(self, path: str, empty_report: PackingReport) -> None:
        super().__init__()
        self._path = path
        self._empty_report = empty_report

    def expand(self, key_to_counts: beam.PCollection) -> beam.PCollection:
        return (
            key_to_counts
            | "InOnePlace" >> beam.combiners.ToList()
            | "Write" >> beam.Map(self._write).with_output_types(str)
        )

    def _write(self, counts: list[tuple[tuple[str, str], RowCounts]]) -> str:
        report = self._empty_report.with_counts(counts)
        with FileSystems.create(self._path, mime_type="application/json") as file:
            file.write(report.model_dump_json(indent=2).encode())
        return self._path


def write_records(path: str, records: Iterable[bytes], staging_directory: str) -> None:
    """A gzipped TFRecord file: the same records, the same bytes; at ``path`` only when complete.

    What a killed worker leaves behind stays in the staging directory, where no reader looks.
    """
    unfinished = f"{staging_directory}/{uuid.uuid4().hex}.gz"
    with (
        FileSystems.create(unfinished, compression_type=CompressionTypes.UNCOMPRESSED) as raw,
        gzip.GzipFile(filename="", mode="wb", compresslevel=6, fileobj=raw, mtime=0) as compressed,
    ):
        for record in records:
            # Beam's own framing, as its WriteToTFRecord leaves the order of records open.
            tfrecordio._TFRecordUtil.write_record(compressed, record)
    FileSystems.rename([unfinished], [path])


def read_model(path: str) -> TextTokenizer:
    """The tokenizer's model, from any file system that Beam knows."""
    with FileSystems.open(path, compression_type=CompressionTypes.UNCOMPRESSED) as file:
        return reading.read(file.read())


def shard_of(path: str, num_shards: int) -> int:
    """A file's documents stay together, as neighbours are context for each other."""
    return _hash(path.encode()) % num_shards


def stream_of(document: documents.Document, split: str, settings: PackingConfig) -> Stream:
    """Which stream the document is packed in."""
    path, _ = documents.split_id(document.document_id)
    language, length = slicing.language_and_length(document, split, settings.length_buckets)
    return document.source, language, length, shard_of(path, settings.num_shards)


def stream_item(document: documents.Document, model: TextTokenizer) -> StreamItem:
    """The document, tokenised; streams are packed in the order of their items."""
    path, line = documents.split_id(document.document_id)
    tokens = tokenizing.tokenize(document, model)
    return StreamItem(
        path,
        line,
        tokens.token_ids.tobytes(),
        tokens.num_bytes,
        tokens.num_prompt_tokens,
        tokens.num_prompt_bytes,
    )


def tokenized(item: StreamItem) -> packing.TokenizedDocument:
    """What of an item is packed."""
    _, _, token_ids, *sizes = item
    return packing.TokenizedDocument(np.frombuffer(token_ids, np.int32), *sizes)


def _hash(content: bytes) -> int:
    return int.from_bytes(hashlib.sha256(content).digest()[:8], "big")


class _Tokenize(beam.DoFn):
    def __init__(self, model_path: str, split: str, settings: PackingConfig) -> None:
        self._model_path = model_path
        self._split = split
        self._settings = settings

    def setup(self) -> None:
        self._model = read_model(self._model_path)

    def process(self, serialized: bytes) -> Iterator[tuple[Stream, StreamItem]]:
        document = documents.decode(serialized)
        yield stream_of(document, self._split, self._settings), stream_item(document, self._model)


class _Pack(beam.DoFn):
    def __init__(self, model_path: str, sequence_length: int) -> None:
        self._model_path = model_path
        self._sequence_length = sequence_length

    def setup(self) -> None:
        self._model = read_model(self._model_path)

    def process(self, stream_to_items: tuple[Stream, Iterable[StreamItem]]) -> Iterator[Any]:
        (source, language, length, shard), unordered = stream_to_items
        items = [tokenized(item) for item in sorted(unordered)]
        num_rows = 0
        for row in packing.pack(items, self._model.vocabulary, self._sequence_length):
            num_rows += 1
            yield packing.encode_row(row, source, language, length)
        counts = RowCounts(
            documents=len(items),
            tokens=sum(len(item.token_ids) + 1 for item in items),
            masked_tokens=sum(item.num_prompt_tokens for item in items),
            rows=num_rows,
            num_bytes=sum(item.num_bytes for item in items),
            masked_bytes=sum(item.num_prompt_bytes for item in items),
        )
        name = ", ".join(filter(None, (source, language, length)))
        progress.report(f"{name}, part {shard}: {num_rows:,} rows")
        yield beam.pvalue.TaggedOutput(_COUNTS, (source, counts))
