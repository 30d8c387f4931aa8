"""Compressed files as streams of bytes: gzip, bzip2, xz and Zstandard, of one or many members.

What a file holds is told by its first bytes, as names lie: browsers decompress a ``.gz`` and keep the
name. The marks cannot be the start of UTF-8 text, but for bzip2's, whose ten characters no text begins
with. A file that is named as compressed and has no mark is read as it is.

Memory: a compressor's window, and what one step inflates to; a kilobyte of Zstandard can be 32 MB.
"""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import zlib
from collections.abc import Callable
from typing import IO, Any, cast

import zstandard

from components.corpus_gen.reading.records import COMPRESSION, UNREADABLE, UnreadableFileError

_MARKS = {
    "gzip": b"\x1f\x8b",
    "bzip2": b"BZh",
    "xz": b"\xfd7zXZ\x00",
    "Zstandard": b"\x28\xb5\x2f\xfd",
}
_SKIPPABLE = b"\x2a\x4d\x18"
"""The end of the mark of a Zstandard frame that holds no text, with which pzstd's files begin."""
_BZIP2_BLOCKS = (b"1AY&SY", b"\x17rE8P\x90")
"""How a bzip2 file goes on: with a block, or, if it holds nothing, with its end."""
_BUFFER_BYTES = 1 << 16
_ZSTANDARD_STEP_BYTES = 1 << 10


def decompressed(stream: IO[bytes]) -> tuple[io.BufferedReader, str | None]:
    """The bytes of a file, inflated if need be, and the name of the compression that it has."""
    buffered = _buffered(stream)
    found = sniff(buffered.peek(16))
    return (_buffered(_READERS[found](buffered)), found) if found else (buffered, None)


def sniff(start: bytes) -> str | None:
    """The compression whose mark ``start``, ten bytes or more of a file, has."""
    if start[1:4] == _SKIPPABLE and 0x50 <= start[0] <= 0x5F:
        return "Zstandard"
    for name, mark in _MARKS.items():
        if start.startswith(mark) and (name != "bzip2" or start[4:10] in _BZIP2_BLOCKS):
            return name
    return None


def explain(error: Exception, compression: str | None, line: int) -> UnreadableFileError:
    """What reading ``line`` lines and then failing with ``error`` means."""
    if isinstance(error, EOFError):
        return UnreadableFileError(
            COMPRESSION,
            f"the {compression} data ends early, after line {line}; copy or compress the file again",
        )
    if compression and (not isinstance(error, OSError) or error.errno is None):
        return UnreadableFileError(
            COMPRESSION,
            f"not valid {compression} data after line {line} ({_in_one_line(error)}); "
            "copy or compress the file again",
        )
    return UnreadableFileError(
        UNREADABLE, f"cannot be read after line {line} ({_in_one_line(error)}); check the file and its disk"
    )


DAMAGE = (OSError, EOFError, zlib.error, lzma.LZMAError, zstandard.ZstdError)
"""What reading a stream of `decompressed` may raise: of a damaged file, or of the file system."""


class _Members(io.RawIOBase):
    """Member after member, whatever the compression. Unlike the libraries' own readers, it tells an early end
    from the end, and takes nothing that follows a member for its end: a damaged second member would go
    with all after it, unsaid. Zeros between members are padding, as xz and tape archivers add it."""

    def __init__(self, stream: IO[bytes], make: Callable[[], Any], step_bytes: int) -> None:
        self._stream = stream
        self._make = make
        self._step_bytes = step_bytes
        self._member: Any = None
        self._is_first = True
        self._compressed = b""
        self._ready = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._ready:
            if not self._compressed and (self._member is None or self._member.needs_input):
                self._compressed = self._stream.read(self._step_bytes)
                if not self._compressed:
                    if self._member is not None:
                        raise EOFError
                    return 0
            self._inflate()
        size = min(len(buffer), len(self._ready))
        buffer[:size] = self._ready[:size]
        self._ready = self._ready[size:]
        return size

    def _inflate(self) -> None:
        if self._member is None:
            if not self._is_first:
                self._compressed = self._compressed.lstrip(b"\0")
                if not self._compressed:
                    return
            self._member, self._is_first = self._make(), False
        compressed, self._compressed = self._compressed, b""
        self._ready = memoryview(self._member.decompress(compressed, _BUFFER_BYTES))
        if self._member.eof:
            self._compressed = self._member.unused_data
            self._member = None


class _ZstandardMember:
    """A frame, with the methods that the standard library's have. Windows of up to 2 GB, as ``--long=31``
    makes them; memory is what the frame asks for."""

    needs_input = True

    def __init__(self) -> None:
        self._frame = zstandard.ZstdDecompressor(max_window_size=1 << 31).decompressobj()

    def decompress(self, compressed: bytes, max_length: int) -> bytes:
        """All of it: only the size of the steps is a bound."""
        return self._frame.decompress(compressed)

    @property
    def eof(self) -> bool:
        return self._frame.eof

    @property
    def unused_data(self) -> bytes:
        return self._frame.unused_data


class _StepByStep(io.RawIOBase):
    """One of the library's readers; what it gives before it fails is not lost in the step that fails."""

    def __init__(self, reader: Any) -> None:
        self._reader = reader

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        content = self._reader.read1(len(buffer))
        buffer[: len(content)] = content
        return len(content)


_READERS: dict[str, Callable[[IO[bytes]], Any]] = {
    "gzip": lambda stream: _StepByStep(gzip.GzipFile(fileobj=stream)),
    "bzip2": lambda stream: _Members(stream, bz2.BZ2Decompressor, _BUFFER_BYTES),
    "xz": lambda stream: _Members(stream, lambda: lzma.LZMADecompressor(lzma.FORMAT_XZ), _BUFFER_BYTES),
    "Zstandard": lambda stream: _Members(stream, _ZstandardMember, _ZSTANDARD_STEP_BYTES),
}


def _buffered(stream: Any) -> io.BufferedReader:
    """With reading by line in C, whatever the stream."""
    if isinstance(stream, io.BufferedReader):
        return stream  # Around another, it would close this one's file when it goes.
    return io.BufferedReader(cast(io.RawIOBase, stream), _BUFFER_BYTES)


def _in_one_line(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__
