"""Beam wiring of SequencePacker.

    files -> documents -> tokens -> streams (split, source, …, shard) -> rows -> output shards -> files
                             └─ runs on disk ─┘                        └─ runs on disk ─┘

Everything goes by content: a document's stream by a hash of its file's name and its place in it, its
place in the stream by file name and line, a row's file and its place there by a hash of the row. So the
files are the same bytes for any number of workers, and rows of all sources are mixed, which a
training that shuffles only within a buffer needs.

Between the steps travels where a run of documents or rows lies (`runs`), never a document or a row: Beam's
local runner holds in memory what it groups, and its cost is by element. So a worker's memory is that of a few
million tokens and some blocks, however large the corpus is. All splits go through the same steps, as each
step costs the local runner a fixed time.

No TensorFlow here: worker processes start in a few seconds instead of ten.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import apache_beam as beam
from apache_beam.io.filesystem import CompressionTypes
from apache_beam.io.filesystems import FileSystems

from components import documents, progress, runs, tfrecords
from components.config import PackingConfig
from components.mixture import Mixture
from components.runs import Run
from components.sequence_packer import keyed_rows, packing, placed_documents, slicing, tokenizing
from components.sequence_packer.counts import TRAIN, PackingReport, RowCounts
from components.sequence_packer.keyed_rows import KeyedRows
from components.sequence_packer.placed_documents import PlacedDocument
from models.tokenizing import reading
from models.tokenizing.reading import TextTokenizer

_SIZES = "sizes"
_COUNTS = "counts"
_DOCUMENTS_COST = 4_000_000
"""Tokens that a worker holds before it writes a run, a document counting as 64 more."""
_ROWS_BYTES = 32_000_000
"""Serialized rows, likewise."""
_LINES_PER_PART = 1 << 16


class Stream(NamedTuple):
    """Documents that are packed one after the other; travels as a plain tuple, as Beam groups by it."""

    split: str
    source: str
    language: str
    """Of the held-out splits, as is `length` (`slicing`)."""
    length: str
    shard: int


class DocumentFile(NamedTuple):
    """A file of CorpusGen's documents."""

    split: str
    path: str


class PackDocuments(beam.PTransform):
    """Files of documents to files of rows; gives ``((split, source), RowCounts)``, several a key.

    A document that is not as `components.documents` declares raises; none is left out, unless a mixture
    takes fewer rows of the train split.
    """

    def __init__(
        self,
        files: Sequence[DocumentFile],
        model_path: str,
        settings: PackingConfig,
        mixture: Mixture | None,
        directories: Mapping[str, str],
        staging_directory: str,
    ) -> None:
        """``directories`` are the rows', by split."""
        super().__init__()
        self._files = files
        self._model_path = model_path
        self._settings = settings
        self._mixture = mixture
        self._directories = directories
        self._staging = staging_directory

    def expand(self, pipeline: beam.Pipeline) -> beam.PCollection:
        stream_to_run, sizes = (
            pipeline
            | "Files" >> beam.Create(list(self._files))
            | TokenizeDocuments(self._model_path, self._settings, self._staging)
        )
        pack = PackStreams(self._model_path, self._settings, self._mixture, sizes, self._staging)
        shard_to_run, key_to_counts = stream_to_run | pack
        _ = shard_to_run | WriteRows(self._directories, self._settings.num_shards, self._staging)
        return key_to_counts


class TokenizeDocuments(beam.PTransform):
    """`DocumentFile` to ``(tuple(Stream), Run)`` of sorted documents and, second, ``(source, tokens)`` of
    the train split; in no order."""

    def __init__(self, model_path: str, settings: PackingConfig, staging_directory: str) -> None:
        super().__init__()
        self._tokenize = _Tokenize(model_path, settings, staging_directory)

    def expand(self, files: beam.PCollection) -> tuple[beam.PCollection, beam.PCollection]:
        found = files | beam.ParDo(self._tokenize).with_outputs(_SIZES, main="runs")
        return found["runs"], found[_SIZES] | "Sum" >> beam.CombinePerKey(sum)


class PackStreams(beam.PTransform):
    """``(tuple(Stream), Run)`` of documents to ``((split, shard), Run)`` of sorted rows and, second,
    ``((split, source), RowCounts)``; in no order."""

    def __init__(
        self,
        model_path: str,
        settings: PackingConfig,
        mixture: Mixture | None,
        sizes: beam.PCollection,
        staging_directory: str,
    ) -> None:
        super().__init__()
        self._pack = _Pack(model_path, settings, mixture, staging_directory)
        self._sizes = sizes

    def expand(self, stream_to_run: beam.PCollection) -> tuple[beam.PCollection, beam.PCollection]:
        packed = (
            stream_to_run
            | "ByStream" >> beam.GroupByKey()
            | "Pack"
            >> beam.ParDo(self._pack, beam.pvalue.AsDict(self._sizes)).with_outputs(_COUNTS, main="runs")
        )
        return packed["runs"], packed[_COUNTS]


class WriteRows(beam.PTransform):
    """``((split, shard), Run)`` to ``num_shards`` TFRecord files a split, sorted by key; gives their paths.

    Files without rows are written, too.
    """

    def __init__(self, directories: Mapping[str, str], num_shards: int, staging_directory: str) -> None:
        super().__init__()
        self._directories = directories
        self._num_shards = num_shards
        self._staging = staging_directory

    def expand(self, shard_to_run: beam.PCollection) -> beam.PCollection:
        every = [((split, shard), None) for split in self._directories for shard in range(self._num_shards)]
        return (
            {"runs": shard_to_run, "every": shard_to_run.pipeline | "EveryShard" >> beam.Create(every)}
            | "ByShard" >> beam.CoGroupByKey()
            | "Write" >> beam.MapTuple(lambda shard, found: self._write(shard, found["runs"]))
        )

    def _write(self, split_and_shard: tuple[str, int], found: Iterable[Run]) -> str:
        split, shard = split_and_shard
        path = f"{self._directories[split]}/data_tfrecord-{shard:05d}-of-{self._num_shards:05d}.gz"
        rows = keyed_rows.merged(keyed_rows.from_blocks(runs.read(run)) for run in found)
        tfrecords.write(path, rows, self._staging)
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


def read_model(path: str) -> TextTokenizer:
    """The tokenizer's model, from any file system that Beam knows."""
    with FileSystems.open(path, compression_type=CompressionTypes.UNCOMPRESSED) as file:
        return reading.read(file.read())


def num_bytes(files: Sequence[DocumentFile]) -> int:
    """Of the files as they are, compressed."""
    matches = FileSystems.match([file.path for file in files])
    return sum(found.size_in_bytes for match in matches for found in match.metadata_list)


def shard_of(path: str, line: int, num_shards: int) -> int:
    """A file's documents stay together, as neighbours are context for each other, up to a number of lines:
    one large file would else be one worker's work."""
    part = line // _LINES_PER_PART
    name = f"{path}\0{part}" if part else path
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big") % num_shards


def stream_of(document: documents.Document, split: str, settings: PackingConfig) -> Stream:
    """Which stream the document is packed in."""
    language, length = slicing.language_and_length(document, split, settings.length_buckets)
    shard = shard_of(*documents.split_id(document.document_id), settings.num_shards)
    return Stream(split, document.source, language, length, shard)


class _Tokenize(beam.DoFn):
    def __init__(self, model_path: str, settings: PackingConfig, staging_directory: str) -> None:
        self._model_path = model_path
        self._settings = settings
        self._staging = staging_directory

    def setup(self) -> None:
        self._model = read_model(self._model_path)

    def process(self, file: DocumentFile) -> Iterator[Any]:
        split, path = file
        found: dict[Stream, list[PlacedDocument]] = defaultdict(list)
        sizes: dict[str, int] = defaultdict(int)
        cost = 0
        read = map(documents.decode, tfrecords.read(path))
        for document, tokens in tokenizing.tokenize_all(read, self._model):
            stream = stream_of(document, split, self._settings)
            found[stream].append(PlacedDocument(*documents.split_id(document.document_id), tokens))
            sizes[document.source] += len(tokens.token_ids) + 1
            cost += len(tokens.token_ids) + 64
            if cost >= _DOCUMENTS_COST:
                yield from self._write(found)
                cost = 0
        yield from self._write(found)
        if split == TRAIN:
            yield from (beam.pvalue.TaggedOutput(_SIZES, size) for size in sizes.items())

    def _write(self, found: dict[Stream, list[PlacedDocument]]) -> Iterator[tuple[tuple[Any, ...], Run]]:
        """A run for each stream, and ``found`` empty."""
        sorted_documents = (
            (
                tuple(stream),
                placed_documents.to_blocks(sorted(items, key=placed_documents.place)),
            )
            for stream, items in sorted(found.items())
        )
        if found:
            yield from runs.write(self._staging, sorted_documents)
        found.clear()


class _Pack(beam.DoFn):
    def __init__(
        self, model_path: str, settings: PackingConfig, mixture: Mixture | None, staging_directory: str
    ) -> None:
        self._model_path = model_path
        self._settings = settings
        self._mixture = mixture
        self._staging = staging_directory

    def setup(self) -> None:
        self._vocabulary = read_model(self._model_path).vocabulary

    def process(
        self, stream_to_runs: tuple[tuple[Any, ...], Iterable[Run]], sizes: Mapping[str, int]
    ) -> Iterator[Any]:
        stream, found = Stream(*stream_to_runs[0]), stream_to_runs[1]
        counted = _Counted(
            placed_documents.in_order(placed_documents.from_blocks(runs.read(run)) for run in found)
        )
        packed = packing.pack_stream(counted, self._vocabulary, self._settings.sequence_length)
        counts, waiting = RowCounts(), _WaitingRows(stream.split, self._settings.num_shards, self._staging)
        for rows in packed:
            copies = self._copies(stream, counts.available_rows, len(rows), sizes)
            counts += RowCounts.of(rows, copies)
            yield from waiting.add(rows.encode(stream.source, stream.language, stream.length), copies)
        yield from waiting.write()
        counts += RowCounts(documents=counted.count)
        kind = ", ".join(filter(None, stream[1:-1]))
        progress.report(f"{kind}, part {stream.shard} of {stream.split}: {counts.rows:,} rows")
        yield beam.pvalue.TaggedOutput(_COUNTS, ((stream.split, stream.source), counts))

    def _copies(
        self, stream: Stream, first_row: int, num_rows: int, sizes: Mapping[str, int]
    ) -> Sequence[int]:
        """How often each row is taken."""
        if self._mixture is None or stream.split != TRAIN:
            return [1] * num_rows
        times = self._mixture.times(sizes)[stream.source]
        name = f"{stream.source}\0{stream.shard}"
        return self._mixture.copies(name, first_row, num_rows, times).tolist()


class _Counted:
    """A stream's documents without their places, once, and how many there were."""

    def __init__(self, items: Iterable[PlacedDocument]) -> None:
        self._items = items
        self.count = 0

    def __iter__(self) -> Iterator[packing.TokenizedDocument]:
        for item in self._items:
            self.count += 1
            yield item.document


class _WaitingRows:
    """Rows until there are enough for a run of each output shard."""

    def __init__(self, split: str, num_shards: int, staging_directory: str) -> None:
        self._split = split
        self._staging = staging_directory
        self._shards: list[list[KeyedRows]] = [[] for _ in range(num_shards)]
        self._num_bytes = 0

    def add(self, records: Sequence[bytes], copies: Sequence[int]) -> Iterator[tuple[tuple[str, int], Run]]:
        keyed = KeyedRows.of(records, copies)
        for waiting, part in zip(self._shards, keyed.by_shard(len(self._shards)), strict=True):
            if part.rows:
                waiting.append(part)
        self._num_bytes += sum(map(len, keyed.rows))
        if self._num_bytes >= _ROWS_BYTES:
            yield from self.write()

    def write(self) -> Iterator[tuple[tuple[str, int], Run]]:
        """The runs of what waits; then nothing does."""
        key_to_blocks = (
            ((self._split, shard), keyed_rows.to_blocks(KeyedRows.in_order(parts)))
            for shard, parts in enumerate(self._shards)
            if parts
        )
        yield from runs.write(self._staging, key_to_blocks)
        self._shards = [[] for _ in self._shards]
        self._num_bytes = 0
