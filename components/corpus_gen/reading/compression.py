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


class _ZstandardFile(io.RawIOBase):
    """Frame after frame; unlike the library's own reader, it tells an early end from the end."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self._frame: Any = None
        self._compressed = b""
        self._ready = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._ready:
            if not self._compressed:
                self._compressed = self._stream.read(_ZSTANDARD_STEP_BYTES)
            if not self._compressed:
                if self._frame is not None:
                    raise EOFError
                return 0
            self._inflate()
        size = min(len(buffer), len(self._ready))
        buffer[:size] = self._ready[:size]
        self._ready = self._ready[size:]
        return size

    def _inflate(self) -> None:
        if self._frame is None:
            self._frame = zstandard.ZstdDecompressor().decompressobj()
        self._ready = memoryview(self._frame.decompress(self._compressed))
        self._compressed = b""
        if self._frame.eof:
            self._compressed = self._frame.unused_data
            self._frame = None


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
    "bzip2": lambda stream: _StepByStep(bz2.BZ2File(stream)),
    "xz": lambda stream: _StepByStep(lzma.LZMAFile(stream)),  # noqa: SIM115
    "Zstandard": _ZstandardFile,
}


def _buffered(stream: Any) -> io.BufferedReader:
    """With reading by line in C, whatever the stream."""
    if isinstance(stream, io.BufferedReader):
        return stream  # Around another, it would close this one's file when it goes.
    return io.BufferedReader(cast(io.RawIOBase, stream), _BUFFER_BYTES)


def _in_one_line(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__
