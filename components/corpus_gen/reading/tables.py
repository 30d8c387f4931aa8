"""CSV and TSV; quotes work as spreadsheets and pandas write them, in TSV too, or are characters like others.

The first line is the header, unless the source says what the columns are called.

A row that cannot be parsed, has another number of fields than the header, or is not UTF-8, is malformed;
reading goes on at the next line. A quote that is never closed takes what follows for text, at most as
much as a document may have: then reading goes on at the line after.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator

from components.config import SourceConfig
from components.corpus_gen.reading.fields import Fields
from components.corpus_gen.reading.lines import Line
from components.corpus_gen.reading.records import (
    FIELDS,
    TABLE,
    UTF8,
    Malformed,
    Record,
    too_large,
)

_UNDECODED = re.compile("[\udc80-\udcff]")


def records(lines: Iterable[Line], source: SourceConfig, max_bytes: int) -> Iterator[Record]:
    """A document a row."""
    csv.field_size_limit(max_bytes)  # of the whole process, in which all sources have the same limit
    fields, feed, delimiter = Fields.of(source), _Feed(lines), "," if source.format == "csv" else "\t"
    if source.quotes:
        rows = csv.reader(feed, delimiter=delimiter, strict=True)
    else:
        rows = csv.reader(feed, delimiter=delimiter, quoting=csv.QUOTE_NONE, strict=True)
    header = list(source.columns) or _next_row(rows, feed, max_bytes)
    if header is None:
        yield Malformed(1, TABLE, "is empty; a csv or tsv file starts with a line of column names")
        return
    where = "'columns'" if source.columns else "the header"
    missing = header if isinstance(header, Malformed) else fields.missing(1, where, header)
    if missing is not None:
        yield missing
        return
    assert isinstance(header, list)
    indices = {column: header.index(column) for column in fields.columns}
    while (row := _next_row(rows, feed, max_bytes)) is not None:
        if isinstance(row, Malformed):
            yield row
        elif row and len(row) != len(header):
            why = f"the row at {feed.place} has {len(row)} fields, {where} {len(header)}"
            advice = "quote texts that contain the separator"
            yield Malformed(feed.start, FIELDS, f"{why}; {advice}", _start_of(row, delimiter))
        elif row:
            texts = {column: row[index] for column, index in indices.items()}
            yield fields.within(feed.start, f"the row at {feed.place}", texts, max_bytes)


class _Feed:
    """The lines as text, for the parser; knows where its row starts, and what was wrong on the way."""

    def __init__(self, lines: Iterable[Line]) -> None:
        self._lines = iter(lines)
        self._number = 0
        self.start = 1
        self.skipped = 0
        """Bytes of the row's lines over the limit that were not read."""

    def __iter__(self) -> _Feed:
        return self

    def __next__(self) -> str:
        line = next(self._lines)
        self._number = line.number
        text = line.content.decode("utf-8", "surrogateescape")
        if line.num_skipped:
            self.skipped += line.num_skipped
            # Whether the line's end is within quotes goes by how many of them were passed over.
            text += '"' * (line.num_quotes_skipped % 2) + "\n"
        return text

    @property
    def place(self) -> str:
        """Of the row, with all that its quotes have taken for text."""
        return f"line {self.start}" if self._number <= self.start else f"lines {self.start} to {self._number}"

    def next_row_starts(self) -> None:
        self.start, self.skipped = self._number + 1, 0


def _next_row(rows: Iterator[list[str]], feed: _Feed, max_bytes: int) -> list[str] | Malformed | None:
    feed.next_row_starts()
    try:
        row = next(rows, None)
    except csv.Error as error:
        if feed.skipped or "field limit" in str(error):
            row = []
            feed.skipped = feed.skipped or max_bytes + 1
        else:
            return Malformed(
                feed.start,
                TABLE,
                f"the row at {feed.place} cannot be parsed ({error}); "
                'texts with quotes or line ends are written "in quotes", a quote within as ""; '
                "where quotes are characters like others, set quotes = false",
            )
    if row is None:
        return None
    if feed.skipped:
        size = max(feed.skipped, max_bytes + 1)
        return too_large(feed.start, f"the row at {feed.place}", size, max_bytes, _start_of(row, " "))
    for column, field in enumerate(row, start=1):
        if undecoded := _UNDECODED.search(field):
            byte = ord(undecoded[0]) - 0xDC00
            why = f"byte 0x{byte:02x} in field {column} of the row at {feed.place} is not UTF-8"
            return Malformed(
                feed.start,
                UTF8,
                f"{why}; convert the file to UTF-8, for example with iconv",
                _start_of(row, " "),
            )
        if "\0" in field:  # Python 3.10's parser refuses it, too.
            return Malformed(
                feed.start, TABLE, f"the row at {feed.place} cannot be parsed (line contains NUL)"
            )
    return row


def _start_of(row: list[str], delimiter: str) -> str:
    return _UNDECODED.sub("\ufffd", delimiter.join(field[:1000] for field in row[:100]))[:1000]
