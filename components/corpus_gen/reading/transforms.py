"""Beam wiring of reading: files to documents, and to what could not become one."""

from __future__ import annotations

import contextlib
from collections.abc import Generator, Iterator, Sequence
from typing import Any, NamedTuple

import apache_beam as beam
from apache_beam.io.filesystem import CompressionTypes
from apache_beam.io.filesystems import FileSystems

from components import documents, progress
from components.config import CorpusConfig
from components.corpus_gen import files, local_files, rejections
from components.corpus_gen.files import CorpusFile
from components.corpus_gen.reading import formats
from components.corpus_gen.reading.records import UNREADABLE, Malformed, Record
from components.corpus_gen.rejections import Rejected, Sifted
from components.corpus_gen.source_files import HashedStream, SourceFile
from components.documents import Document
from components.errors import CorpusError

_REJECTED = "rejected"
_NUM_READ = "num_read"
_FILES = "files"


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
        if "://" not in file.path and local_files.is_special(file.path):
            yield _document_or_rejected(Malformed(1, UNREADABLE, "is a pipe or a device, not a file"), file)
            return
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
