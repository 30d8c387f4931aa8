"""The lines of a stream, in bounded memory.

A line ends with ``\\n`` and nothing else. Of a line over the limit only the start is kept, and the
rest is passed over; one that goes on for `MAX_SKIPPED` times the limit is taken for a bomb, and the
file is left.
"""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from typing import IO, NamedTuple

from components.corpus_gen.reading.records import TOO_LARGE, UTF8, Malformed, UnreadableFileError, too_large

MAX_SKIPPED = 100
_STEP_BYTES = 1 << 16
_START_BYTES = 4000


class Line(NamedTuple):
    """One line; a byte order mark at the file's start is not part of it."""

    number: int
    """From 1."""
    offset: int
    """Of its first byte, in the decompressed file after a byte order mark."""
    content: bytes
    """With its line end; of one over the limit, the start."""
    num_skipped: int = 0
    """Bytes that are not in ``content``; 0 but for lines over the limit."""
    num_quotes_skipped: int = 0
    """Double quotes among them, by which a reader of tables keeps in step."""


class LineReader:
    """Iterates over a stream's lines; knows how far it has come."""

    def __init__(self, stream: IO[bytes], max_bytes: int) -> None:
        self._stream = stream
        self._max_bytes = max_bytes
        self.number = 0
        """Lines read."""
        self.start: int | None = None
        """Where the document under way starts, if it has more lines than one."""

    def __iter__(self) -> Iterator[Line]:
        readline, most, offset = self._stream.readline, self._max_bytes + 2, 0
        while raw := readline(most):
            self.number += 1
            if self.number == 1 and raw.startswith(codecs.BOM_UTF8):
                raw = raw[len(codecs.BOM_UTF8) :]
            if len(raw) > self._max_bytes and not raw.endswith(b"\n"):
                line = self._skip(raw, offset)
            else:
                line = Line(self.number, offset, raw)
            yield line
            offset += len(line.content) + line.num_skipped

    def _skip(self, raw: bytes, offset: int) -> Line:
        cut = min(_START_BYTES, self._max_bytes)
        start, rest = raw[:cut], raw[cut:]
        skipped = quotes = 0
        while rest:
            skipped += len(rest)
            quotes += rest.count(b'"')
            if skipped > MAX_SKIPPED * self._max_bytes:
                raise UnreadableFileError(
                    TOO_LARGE,
                    f"line {self.number} goes on for {skipped:,} bytes, over {MAX_SKIPPED} times "
                    f"corpus.max_document_bytes: the file is not read further",
                )
            rest = b"" if rest.endswith(b"\n") else self._stream.readline(_STEP_BYTES)
        return Line(self.number, offset, start, skipped, quotes)


def decode(line: Line, max_bytes: int) -> str | Malformed:
    """The line's text with its line end."""
    if line.num_skipped:
        start = line.content.decode("utf-8", "replace")
        size = len(line.content) + line.num_skipped
        return too_large(line.number, f"line {line.number}", size, max_bytes, start)
    try:
        return line.content.decode("utf-8")
    except UnicodeDecodeError as error:
        return not_utf8(line.content, error, line.number, line.offset)


def not_utf8(content: bytes, error: UnicodeDecodeError, line: int, offset: int = 0) -> Malformed:
    """Of ``content``, which starts at ``offset`` (after a byte order mark) and on ``line``."""
    at = line + content[: error.start].count(b"\n")
    return Malformed(
        line,
        UTF8,
        f"byte 0x{content[error.start]:02x} at offset {offset + error.start} (line {at}) "
        "is not UTF-8; convert the file to UTF-8, for example with iconv",
        content[:_START_BYTES].decode("utf-8", "replace"),
    )


def without_line_end(line: str) -> str:
    return line.removesuffix("\n").removesuffix("\r") if line.endswith("\n") else line
