"""Text files to documents: the whole file, lines, or blocks of whole paragraphs."""

from __future__ import annotations

import codecs
import dataclasses
from collections.abc import Iterable, Iterator
from typing import IO

from components.corpus_gen.reading.lines import Line, LineReader, decode, not_utf8, without_line_end
from components.corpus_gen.reading.records import Malformed, Passage, Record, too_large


def whole_content(stream: IO[bytes], max_bytes: int) -> bytes | Malformed:
    """All bytes but a byte order mark; of a file over the limit, no more than that is read."""
    content = stream.read(max_bytes + 1 + len(codecs.BOM_UTF8)).removeprefix(codecs.BOM_UTF8)
    if len(content) > max_bytes:
        start = content[:4000].decode("utf-8", "replace")
        return too_large(1, "the file", len(content), max_bytes, start)
    return content


def whole_file(stream: IO[bytes], max_bytes: int) -> Record:
    """The file as one document."""
    content = whole_content(stream, max_bytes)
    if isinstance(content, Malformed):
        return content
    try:
        return Passage(1, content.decode("utf-8"))
    except UnicodeDecodeError as error:
        return not_utf8(content, error, 1)


def whole_lines(lines: Iterable[Line], max_bytes: int) -> Record:
    """The lines as one document, which starts on the first of them."""
    document = _Document(1, max_bytes)
    for position, line in enumerate(lines):
        if position == 0:
            document.start = line.number
        document.add(decode(line, max_bytes), line)
    return document.record()


def each_line(lines: Iterable[Line], max_bytes: int) -> Iterator[Record]:
    """A document a line that is not blank, without its line end."""
    for line in lines:
        text = decode(line, max_bytes)
        if isinstance(text, Malformed):
            yield text
        elif text.strip():
            body = without_line_end(text)
            if len(line.content) > max_bytes and len(body.encode()) > max_bytes:
                size = len(body.encode())
                yield too_large(line.number, f"line {line.number}", size, max_bytes, body[:1000])
            else:
                yield Passage(line.number, body)


def blocks(lines: Iterable[Line], reader: LineReader, block_bytes: int, max_bytes: int) -> Iterator[Record]:
    """A document starts at a line that is not blank, follows a blank one, and has enough before it."""
    document = _Document(1, max_bytes)
    follows_blank = False
    for line in lines:
        text = decode(line, max_bytes)
        blank = isinstance(text, str) and not text.strip()
        if follows_blank and not blank and document.has_words and document.num_bytes >= block_bytes:
            yield document.record()
            document = _Document(line.number, max_bytes)
        if document.is_new:
            document.start = reader.start = line.number
        document.add(text, line)
        follows_blank = blank
    yield document.record()


@dataclasses.dataclass
class _Document:
    """One under way. What is wrong with a line of it is wrong with all of it."""

    start: int
    max_bytes: int
    parts: list[str] = dataclasses.field(default_factory=list)
    num_bytes: int = 0
    has_words: bool = False
    is_new: bool = True
    fault: Malformed | None = None

    def add(self, text: str | Malformed, line: Line) -> None:
        self.is_new = False
        self.num_bytes += len(line.content) + line.num_skipped
        if isinstance(text, Malformed):
            self.fault, self.has_words = self.fault or text, True
            return
        self.has_words = self.has_words or bool(text.strip())
        if self.num_bytes > self.max_bytes:
            self.parts = [self.beginning()]  # The rest is counted and let go.
        else:
            self.parts.append(text)

    def record(self) -> Record:
        if self.fault is not None:
            return self.fault._replace(line=self.start, text=self.beginning() or self.fault.text)
        if self.num_bytes > self.max_bytes:
            what = f"the document from line {self.start} on"
            return too_large(self.start, what, self.num_bytes, self.max_bytes, self.beginning())
        return Passage(self.start, "".join(self.parts))

    def beginning(self) -> str:
        return "".join(self.parts[:1000])[:1000]
