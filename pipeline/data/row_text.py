r"""A packed row as text: pieces of one kind and one document each, and a notation in which none is ambiguous.

The row ``2 8 9 2 0`` of `components.sequence_packer.packing`, whose ``8`` is a prompt, is the pieces

    end, context, document 1       the token that begins the row: the context of the first, no target
    text, context, document 1      8: read, and not learnt
    text, target, document 1       9: learnt
    end, target, document 2        the end of document 1; it opens the segment of the next
    padding

`quote` writes bytes so that two that differ are never written alike, and no terminal takes them for a
command: in quotes, with ``\n``, ``\t``, ``\"`` and ``\\``, other characters that do not print as
``\u2028`` or ``\U000e0001``, and bytes that are no whole character (a row may begin within one) as ``\xe4``.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterator, Sequence
from typing import Literal

import numpy as np

from components.protos import Example
from models.features import LOSS_MASK, NUM_BYTES, SEGMENT_IDS, SLICES, SOURCE, TOKEN_IDS
from models.tokenizing.vocabulary import Vocabulary

Kind = Literal["text", "start", "end", "padding"]
_ESCAPES = {"\n": "\\n", "\t": "\\t", "\r": "\\r", '"': '\\"', "\\": "\\\\"}


@dataclasses.dataclass(frozen=True)
class RowArrays:
    """A row as it was packed; arrays are ``(sequence_length + 1,)`` of int64."""

    token_ids: np.ndarray
    segment_ids: np.ndarray
    loss_mask: np.ndarray
    num_bytes: int
    source: str
    language: str = ""
    length: str = ""


@dataclasses.dataclass(frozen=True)
class Piece:
    """Neighbouring tokens of a row that are of one kind, of one document, and count alike."""

    kind: Kind
    counts: bool
    """Whether they are targets of the loss."""
    segment: int
    """The document's number within the row, from 1; 0 is padding."""
    tokens: tuple[bytes, ...]
    """What each stands for; special tokens, nothing."""

    @property
    def text(self) -> bytes:
        return b"".join(self.tokens)


def decode_row(serialized: bytes) -> RowArrays:
    """The inverse of `row_codec.encode_rows`, for one row."""
    features = Example.FromString(serialized).features.feature
    token_ids, segment_ids, loss_mask = (
        np.array(features[name].int64_list.value, np.int64) for name in (TOKEN_IDS, SEGMENT_IDS, LOSS_MASK)
    )
    num_bytes = features[NUM_BYTES].int64_list.value[0]
    source, language, length = (
        "".join(value.decode() for value in features[name].bytes_list.value) for name in SLICES
    )
    return RowArrays(token_ids, segment_ids, loss_mask, num_bytes, source, language, length)


def source_of(serialized: bytes) -> str:
    """Of a serialized row."""
    return str(Example.FromString(serialized).features.feature[SOURCE].bytes_list.value[0].decode())


def pieces(row: RowArrays, vocabulary: Vocabulary) -> list[Piece]:
    """The row from its first token to its last."""

    def key(index: int) -> tuple[Kind, bool, int]:
        segment = int(row.segment_ids[index])
        return _kind(int(row.token_ids[index]), segment, vocabulary), bool(row.loss_mask[index]), segment

    return [
        Piece(kind, counts, segment, tuple(vocabulary.token_bytes[row.token_ids[index]] for index in group))
        for (kind, counts, segment), group in itertools.groupby(range(len(row.token_ids)), key)
    ]


def _kind(token_id: int, segment: int, vocabulary: Vocabulary) -> Kind:
    if segment == 0:
        return "padding"
    if token_id == vocabulary.end_id:
        return "end"
    return "start" if token_id == vocabulary.start_id else "text"


def quote(text: bytes) -> str:
    """``text`` in quotes, on one line, in characters that print; see the module."""
    return '"' + "".join(map(_escaped, text.decode("utf-8", "surrogateescape"))) + '"'


def shown(text: bytes) -> str:
    """``text`` for reading: line ends and tabs as they are, the rest as `quote` writes it."""
    decoded = text.decode("utf-8", "surrogateescape")
    return "".join(character if character in '\n\t"\\' else _escaped(character) for character in decoded)


def lines(row: RowArrays, vocabulary: Vocabulary, by_token: bool = False) -> Iterator[str]:
    """A line a piece: ``  1  target   "To be"``: the document's number, whether it counts, the text."""
    for piece in pieces(row, vocabulary):
        mark = "target" if piece.counts else "context"
        if piece.kind == "padding":
            yield f"  -  padding  {len(piece.tokens)}"
        elif piece.kind != "text":
            yield f"  {piece.segment}  {mark:<7}  {' '.join([piece.kind] * len(piece.tokens))}"
        else:
            yield f"  {piece.segment}  {mark:<7}  {_quoted(piece.tokens, by_token)}"


def _quoted(tokens: Sequence[bytes], by_token: bool) -> str:
    return " ".join(map(quote, tokens)) if by_token else quote(b"".join(tokens))


def _escaped(character: str) -> str:
    if character in _ESCAPES:
        return _ESCAPES[character]
    code = ord(character)
    if 0xDC80 <= code <= 0xDCFF:
        return f"\\x{code - 0xDC00:02x}"
    if character.isprintable():
        return character
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"
