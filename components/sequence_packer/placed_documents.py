"""Tokenised documents on their way to their streams, as blocks of bytes and in the streams' order.

A block is a few documents: their numbers as one array, the names of their files, each once, and their tokens
as another array, 2 bytes a token where no id needs more.
"""

from __future__ import annotations

import heapq
import struct
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np

from components import documents
from components.errors import CorpusError
from components.runs import BLOCK_BYTES
from components.sequence_packer.packing import TokenizedDocument

_HEADER = struct.Struct("<III")
"""Documents, bytes of the files' names, bytes of a token."""
_FIELDS = 6
"""Number of the file, line, tokens, bytes, prompt tokens, prompt bytes."""
_SEPARATOR = "\0"
"""No file's name has it."""


class PlacedDocument(NamedTuple):
    """A document and its place in its stream: by path, then line."""

    path: str
    line: int
    document: TokenizedDocument


def place(item: PlacedDocument) -> tuple[str, int]:
    """What streams are sorted by."""
    return item.path, item.line


def to_blocks(items: Iterable[PlacedDocument]) -> Iterator[bytes]:
    """Documents, in their order, to blocks."""
    block: list[PlacedDocument] = []
    size = 0
    for item in items:
        block.append(item)
        size += 4 * len(item.document.token_ids) + 8 * _FIELDS
        if size >= BLOCK_BYTES:
            yield _encode(block)
            block, size = [], 0
    if block:
        yield _encode(block)


def from_blocks(blocks: Iterable[bytes]) -> Iterator[PlacedDocument]:
    """The inverse of `to_blocks`."""
    for block in blocks:
        yield from _decode(block)


def in_order(runs: Iterable[Iterable[PlacedDocument]]) -> Iterator[PlacedDocument]:
    """Documents of several runs, each in order, as one.

    Raises:
      CorpusError: two have the same id.
    """
    before: tuple[str, int] | None = None
    for item in heapq.merge(*runs, key=place):
        if place(item) == before:
            raise CorpusError(
                f"two documents have the id {documents.make_id(item.path, item.line)!r}: their order, "
                "and with it the rows, would be left to chance; give each record a line of its own"
            )
        before = place(item)
        yield item


def _encode(items: Sequence[PlacedDocument]) -> bytes:
    path_to_number = {path: number for number, path in enumerate(dict.fromkeys(item.path for item in items))}
    names = _SEPARATOR.join(path_to_number).encode()
    numbers = [
        (
            path_to_number[path],
            line,
            len(document.token_ids),
            document.num_bytes,
            document.num_prompt_tokens,
            document.num_prompt_bytes,
        )
        for path, line, document in items
    ]
    token_ids = np.concatenate([item.document.token_ids for item in items], dtype=np.int32)
    if token_ids.max(initial=0) < 1 << 16:
        token_ids = token_ids.astype(np.uint16)
    header = _HEADER.pack(len(items), len(names), token_ids.itemsize)
    return b"".join([header, np.array(numbers, np.int64).tobytes(), names, token_ids.tobytes()])


def _decode(block: bytes) -> Iterator[PlacedDocument]:
    count, name_bytes, width = _HEADER.unpack_from(block)
    numbers = np.frombuffer(block, np.int64, count * _FIELDS, _HEADER.size).reshape(count, _FIELDS)
    names_at = _HEADER.size + numbers.nbytes
    names = block[names_at : names_at + name_bytes].decode().split(_SEPARATOR)
    token_ids = np.frombuffer(block, np.uint16 if width == 2 else np.int32, offset=names_at + name_bytes)
    ends = np.cumsum(numbers[:, 2]).tolist()
    for end, (path, line, num_tokens, *sizes) in zip(ends, numbers.tolist(), strict=True):
        yield PlacedDocument(names[path], line, TokenizedDocument(token_ids[end - num_tokens : end], *sizes))
