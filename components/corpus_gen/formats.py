"""File formats: one open file to its documents, streamed, without touching the text.

Text is UTF-8 and kept to the byte: no line end is translated, nothing is stripped or
normalised. Only a byte order mark at a file's start is removed, in every format; it
marks the encoding and is not text. What is not UTF-8 is an error, never replaced.

`read` yields a `Passage` a document; its ``line`` is the number, from 1, of the line on
which the document starts (of the decompressed file); no two documents share it.

What makes a document:

- text, ``file``: the file.
- text, ``lines``: each line that is not blank, without its line end (``\\n`` or ``\\r\\n``).
- text, ``blocks``: a new document starts at a line that is not blank, follows a blank one,
  and has at least ``block_bytes`` bytes of document before it. The documents of a file,
  joined, are the file: with ``block_bytes = 4``, ``"a\\n\\nbcd\\n\\n\\ne"`` gives
  ``"a\\n\\nbcd\\n\\n\\n"`` and ``"e"``.
- jsonl: the text field of each line's object; blank lines are skipped.
- csv, tsv: the text column of each row after the header. Quotes work as spreadsheets
  and pandas write them, in tsv too; a row with another number of fields is an error.
- with a prompt and a completion column: the one followed by the other. ``{"q": "2+2=", "a": "4"}``
  gives the text ``"2+2=4"``, 4 bytes of which are the prompt.

An empty file, field or column gives a document with empty text or without a completion; the
caller counts these.
Memory: the largest document or line. A whole file only under ``file``.
"""

from __future__ import annotations

import codecs
import csv
import gzip
import io
import json
import sys
import zlib
from collections.abc import Iterator, Mapping, Sequence
from typing import IO, NamedTuple, NoReturn, cast

from components.config import SourceConfig
from components.errors import CorpusError

Lines = Iterator[tuple[int, str]]
"""``(line number from 1, line with its line end)``."""
Record = tuple[int, Sequence[str]]
"""``(line number from 1, texts of the columns asked for)``."""


class Passage(NamedTuple):
    """The text of one document, and where it starts."""

    line: int
    text: str
    num_prompt_bytes: int = 0

    @property
    def lacks_completion(self) -> bool:
        """Whether there is a prompt and nothing after it."""
        return self.num_prompt_bytes > 0 and self.num_prompt_bytes == len(self.text.encode())


def read(stream: IO[bytes], path: str, source: SourceConfig) -> Iterator[Passage]:
    """Documents of one file; ``path`` names it in errors and tells if it is gzip."""
    lines = _lines(_decompressed(stream, path), path)
    if source.format == "jsonl":
        yield from map(_passage, _json_records(lines, path, _columns(source)))
    elif source.format in ("csv", "tsv"):
        delimiter = "," if source.format == "csv" else "\t"
        yield from map(_passage, _table_records(lines, path, _columns(source), delimiter))
    elif source.documents == "lines":
        yield from (Passage(number, _without_line_end(line)) for number, line in lines if line.strip())
    elif source.documents == "blocks":
        yield from _blocks(lines, source.block_bytes)
    else:
        yield Passage(1, "".join(line for _, line in lines))


def _columns(source: SourceConfig) -> Mapping[str, str]:
    """Setting -> the column that it names, in the order in which the texts follow each other."""
    if source.prompt_column is None or source.completion_column is None:
        return {"text_column": source.text_column}
    return {"prompt_column": source.prompt_column, "completion_column": source.completion_column}


def _passage(record: Record) -> Passage:
    line, texts = record
    if len(texts) == 1:
        return Passage(line, texts[0])
    prompt, completion = texts
    return Passage(line, prompt + completion, len(prompt.encode()))


def _decompressed(stream: IO[bytes], path: str) -> IO[bytes]:
    if path.lower().endswith(".gz"):
        return cast(IO[bytes], gzip.GzipFile(fileobj=stream))
    return stream if isinstance(stream, io.BufferedIOBase) else io.BufferedReader(cast(io.RawIOBase, stream))


def _lines(stream: IO[bytes], path: str) -> Lines:
    """Splits at ``\\n`` only and decodes."""
    offset = 0
    number = 0
    try:
        for number, raw in enumerate(stream, start=1):
            body = raw.removeprefix(codecs.BOM_UTF8) if number == 1 else raw
            try:
                yield number, body.decode("utf-8")
            except UnicodeDecodeError as error:
                position = offset + len(raw) - len(body) + error.start
                raise CorpusError(
                    f"{path}: byte 0x{body[error.start]:02x} at offset {position} (line {number}) "
                    "is not UTF-8; convert the file to UTF-8, for example with iconv"
                ) from error
            offset += len(raw)
    except EOFError as error:
        raise CorpusError(
            f"{path}: the gzip data ends early, after line {number}; copy or compress the file again"
        ) from error
    except (gzip.BadGzipFile, zlib.error) as error:
        raise CorpusError(
            f"{path}: not valid gzip data after line {number} ({error}); "
            "copy or compress the file again, or drop .gz from its name if it is not compressed"
        ) from error


def _without_line_end(line: str) -> str:
    return line.removesuffix("\n").removesuffix("\r") if line.endswith("\n") else line


def _blocks(lines: Lines, block_bytes: int) -> Iterator[Passage]:
    start = 1
    parts: list[str] = []
    num_bytes = 0
    has_words = follows_blank = False
    for number, line in lines:
        blank = not line.strip()
        if follows_blank and not blank and has_words and num_bytes >= block_bytes:
            yield Passage(start, "".join(parts))
            start, parts, num_bytes, has_words = number, [], 0, False
        parts.append(line)
        num_bytes += len(line.encode())
        has_words = has_words or not blank
        follows_blank = blank
    yield Passage(start, "".join(parts))


def _json_records(lines: Lines, path: str, columns: Mapping[str, str]) -> Iterator[Record]:
    for number, line in lines:
        if not line.strip():
            continue
        try:
            record = json.loads(_without_line_end(line))
        except json.JSONDecodeError as error:
            raise CorpusError(
                f"{path}: line {number}, column {error.colno} is not JSON ({error.msg}); "
                "a jsonl source has one JSON object per line"
            ) from error
        except RecursionError as error:
            raise CorpusError(f"{path}: line {number} is nested too deep; flatten it") from error
        if not isinstance(record, dict):
            fields = ", ".join(f'"{column}": "…"' for column in columns.values())
            raise CorpusError(
                f"{path}: line {number} is a JSON {type(record).__name__}, not an object; "
                f"write it as {{{fields}}}"
            )
        yield number, [_json_text(record, path, number, *setting) for setting in columns.items()]


def _json_text(record: Mapping[str, object], path: str, number: int, setting: str, column: str) -> str:
    if column not in record:
        _raise_missing_column(f"{path}: line {number}", setting, column, list(record))
    text = record[column]
    if not isinstance(text, str):
        raise CorpusError(
            f"{path}: line {number} has a value of type {type(text).__name__} in {column!r}, not a string; "
            f"correct the line or set {setting}"
        )
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise CorpusError(
            f"{path}: line {number} escapes half of a surrogate pair (\\u{ord(text[error.start]):04x}) "
            f"in {column!r}, which is not a character; correct the line"
        ) from error
    return text


def _table_records(lines: Lines, path: str, columns: Mapping[str, str], delimiter: str) -> Iterator[Record]:
    csv.field_size_limit(sys.maxsize)  # of the whole process; the default refuses texts over 128 KiB
    rows = csv.reader((line for _, line in lines), delimiter=delimiter, strict=True)
    start = 1
    try:
        header = next(rows, None)
        if header is None:
            raise CorpusError(f"{path}: is empty; a csv or tsv file starts with a line of column names")
        for setting, column in columns.items():
            if column not in header:
                _raise_missing_column(f"{path}: the header", setting, column, header)
        indices = [header.index(column) for column in columns.values()]
        start = rows.line_num + 1
        for row in rows:
            if row and len(row) != len(header):
                raise CorpusError(
                    f"{path}: the row at line {start} has {len(row)} fields, the header {len(header)}; "
                    "quote texts that contain the separator"
                )
            if row:
                yield start, [row[index] for index in indices]
            start = rows.line_num + 1
    except csv.Error as error:
        raise CorpusError(
            f"{path}: the row at line {start} cannot be parsed ({error}); "
            'texts with quotes or line ends are written "in quotes", a quote within as ""'
        ) from error


def _raise_missing_column(where: str, setting: str, column: str, found: list[str]) -> NoReturn:
    names = ", ".join(repr(name) for name in found[:20]) or "none"
    raise CorpusError(f"{where} has no column {column!r}, only: {names}; set {setting} to one of them")
