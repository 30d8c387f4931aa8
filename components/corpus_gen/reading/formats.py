"""File formats: one open file to its documents, streamed, without touching the text.

Text is UTF-8 and kept to the byte: no line end is translated, nothing is stripped or
normalised; a NUL is a character like another. Only a byte order mark at a file's start is
removed, in every format; it marks the encoding and is not text. What is not UTF-8 is
malformed, never replaced: the line, row or object where there are such, else the file. A file that
begins as archives do, or as another encoding does, is malformed as a whole (`foreign`).

`read` yields a `Passage` a document and a `Malformed` a record that cannot be read; their
``line`` is the number, from 1, of the line on which they start (of the decompressed file; of
Parquet, the row); no two share it. A file that is damaged on the way gives what comes before.

What makes a document:

- text, markdown, ``file``: the file.
- text, markdown, ``lines``: each line that is not blank, without its line end (``\\n`` or ``\\r\\n``).
- text, markdown, ``blocks``: a new document starts at a line that is not blank, follows a blank one,
  and has at least ``block_bytes`` bytes of document before it. The documents of a file,
  joined, are the file: with ``block_bytes = 4``, ``"a\\n\\nbcd\\n\\n\\ne"`` gives
  ``"a\\n\\nbcd\\n\\n\\n"`` and ``"e"``.
- html: the page's main text (`html`).
- jsonl, csv, tsv, parquet: the text of each object or row (`json_lines`, `tables`, `parquet`), or
  a prompt followed by a completion (`fields`).

An empty file, field or column gives a document with empty text or without a completion; the
caller counts these. Memory: a few times ``max_bytes``, whatever the file.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import IO

from components.config import SourceConfig
from components.corpus_gen.reading import (
    compression,
    foreign,
    front_matter,
    html,
    json_lines,
    parquet,
    tables,
    text,
)
from components.corpus_gen.reading.fields import Fields
from components.corpus_gen.reading.lines import Line, LineReader
from components.corpus_gen.reading.records import Malformed, Record, UnreadableFileError


def read(stream: IO[bytes], source: SourceConfig, max_bytes: int) -> Iterator[Record]:
    """Documents of one file, none of which has more than ``max_bytes``."""
    if source.format == "parquet":
        yield from _until_damaged(parquet.records(stream, Fields.of(source), max_bytes))
        return
    try:
        inflated, found = compression.decompressed(stream)
    except compression.DAMAGE as error:
        yield _malformed(compression.explain(error, None, 0), 1)
        return
    reader = LineReader(inflated, max_bytes)
    try:
        foreign.require_text(inflated.peek(foreign.START_BYTES))
        yield from _records(inflated, reader, source, max_bytes)
    except UnreadableFileError as error:
        yield _malformed(error, reader.start or max(reader.number, 1))
    except compression.DAMAGE as error:
        fault = compression.explain(error, found, reader.number)
        yield _malformed(fault, reader.start or reader.number + 1)


def _records(stream: IO[bytes], reader: LineReader, source: SourceConfig, max_bytes: int) -> Iterator[Record]:
    lines: Iterable[Line] = reader
    if source.format == "html":
        content = text.whole_content(stream, max_bytes)
        yield content if isinstance(content, Malformed) else html.main_text(content)
        return
    if source.format == "jsonl":
        yield from json_lines.records(lines, Fields.of(source), max_bytes)
        return
    if source.format in ("csv", "tsv"):
        yield from tables.records(lines, source, max_bytes)
        return
    if source.drop_front_matter:
        lines = front_matter.drop(lines)
    if source.documents == "lines":
        yield from text.each_line(lines, max_bytes)
    elif source.documents == "blocks":
        yield from text.blocks(lines, reader, source.block_bytes, max_bytes)
    elif source.drop_front_matter:
        yield text.whole_lines(lines, max_bytes)
    else:
        yield text.whole_file(stream, max_bytes)


def _until_damaged(records: Iterator[Record]) -> Iterator[Record]:
    last = 0
    try:
        for record in records:
            last = record.line
            yield record
    except UnreadableFileError as error:
        yield _malformed(error, last + 1)


def _malformed(error: UnreadableFileError, line: int) -> Malformed:
    reason, detail = error.args
    return Malformed(line, reason, detail)
