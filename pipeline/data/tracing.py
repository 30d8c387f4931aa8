"""From a packed row back to its documents, and where in them its text stands.

Recomputed, not recorded. Rows could carry the ids of their documents, at the price of some 30 bytes a
document in each row, compressed badly as ids differ, read by every training and used by none. But the packer
is deterministic: a row's stream is packed again from the documents' artifact by the packer's own
functions, and the row is the one with the same bytes. That works on rows of any age, and cannot be
wrong in silence: what is not found again, byte for byte, is an error. The price is time: the source's
documents in the split are read once, then those streams are tokenised and packed that hold a document
in which the row's longest piece of text stands (all of the source's, where a tokenizer rewrites text).
Memory: one stream, as in the packer.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterator, Sequence

import numpy as np

from components import documents
from components.documents import Document
from components.sequence_packer import packing, tokenizing, transforms
from components.sequence_packer.packing import TokenizedDocument
from models.tokenizing.vocabulary import Vocabulary
from pipeline.data import row_text
from pipeline.data.outputs import DataOutputs
from pipeline.errors import MissingInputError


@dataclasses.dataclass(frozen=True)
class Place:
    """A part of a row, and where it stands. All ranges begin at 0 and leave out their end."""

    row_tokens: tuple[int, int]
    """In the row."""
    document_id: str
    tokens: tuple[int, int]
    """In the document."""
    num_tokens: int
    """Of the document."""
    span: tuple[int, int] | None
    """Bytes, in the document's text; None where the tokenizer rewrites text."""
    num_bytes: int
    """Of the document."""
    first_line: int
    """Of the document's text, from 1, on which the part begins; 0 where ``span`` is None."""
    text: bytes
    """That the tokens stand for."""


@dataclasses.dataclass(frozen=True)
class Trace:
    """A row's places, from its first token to its last, without the tokens between documents."""

    number: int
    split: str
    source: str
    num_tokens: int
    """With those between documents and the padding."""
    places: tuple[Place, ...]
    num_equal: int
    """Rows with the same bytes: equal text, packed alike; the places are those of the first."""


def trace(outputs: DataOutputs, split: str, number: int) -> Trace:
    """Traces one row of a split.

    Raises:
      MissingInputError: there is no such row, or this version of Lexmill packs the documents otherwise.
    """
    serialized = _row(outputs, split, number)
    row = row_text.decode_row(serialized)
    found = []
    for shards in _shards(outputs, split, row):
        for shard in shards:
            stream = transforms.Stream(split, row.source, row.language, row.length, shard)
            found += list(_find(outputs, stream, serialized))
        if found:
            places = tuple(found[0])
            return Trace(number, split, row.source, len(row.token_ids), places, len(found))
    raise MissingInputError(
        f"row {number} of {split} is not among the rows that this version of Lexmill packs of the documents "
        f"of run {outputs.run_id}: another version packed it; run the pipeline again, and trace that run"
    )


def _row(outputs: DataOutputs, split: str, number: int) -> bytes:
    rows = outputs.rows(split)
    num_rows = outputs.packing.total(split).rows
    if not 0 <= number < num_rows:
        raise MissingInputError(f"{number}: no such row: {split} has the rows 0 to {num_rows - 1:,}")
    return next(itertools.islice(rows, number, None))


def _shards(outputs: DataOutputs, split: str, row: row_text.RowArrays) -> Iterator[list[int]]:
    """Shards of the row's source: those that hold its longest piece, then the others."""
    settings = outputs.packing.packing
    longest = max((piece.text for piece in row_text.pieces(row, outputs.tokenizer.vocabulary)), key=len)
    text = longest.decode(errors="ignore")  # A row may begin or end within a character.
    likely = {
        transforms.stream_of(document, split, settings).shard
        for document in _documents(outputs, split)
        if document.source == row.source and text in document.text
    }
    yield sorted(likely)
    yield [shard for shard in range(settings.num_shards) if shard not in likely]


def _find(outputs: DataOutputs, stream: transforms.Stream, serialized: bytes) -> Iterator[list[Place]]:
    """The places of each row of ``stream`` that is ``serialized``."""
    settings, model = outputs.packing.packing, outputs.tokenizer
    found = [
        document
        for document in _documents(outputs, stream.split)
        if transforms.stream_of(document, stream.split, settings) == stream
    ]
    found.sort(key=lambda document: documents.split_id(document.document_id))
    items = [tokens for _, tokens in tokenizing.tokenize_all(found, model)]
    starts = _starts(items, model.vocabulary)
    packed = packing.pack_stream(items, model.vocabulary, settings.sequence_length)
    records = (
        (token_ids, record)
        for rows in packed
        for token_ids, record in zip(
            rows.token_ids, rows.encode(stream.source, stream.language, stream.length), strict=True
        )
    )
    for index, (token_ids, record) in enumerate(records):
        if record == serialized:
            first = index * settings.sequence_length
            yield [
                _place(token_ids, first, starts[k], items[k], found[k], model.vocabulary)
                for k in _within(starts, items, first, first + len(token_ids))
            ]


def _starts(items: Sequence[TokenizedDocument], vocabulary: Vocabulary) -> np.ndarray:
    """Where in the stream each document's first token stands, after what begins and ends documents."""
    between = 1 if vocabulary.start_id == vocabulary.end_id else 2
    lengths = np.array([len(item.token_ids) for item in items], np.int64)
    return 1 + np.cumsum(lengths + between) - lengths - between


def _within(starts: np.ndarray, items: Sequence[TokenizedDocument], first: int, end: int) -> Iterator[int]:
    """The documents with a token in ``first`` to ``end`` of the stream."""
    begin = max(0, int(np.searchsorted(starts, first, "right")) - 1)
    for index in range(begin, int(np.searchsorted(starts, end))):
        if len(items[index].token_ids) and starts[index] + len(items[index].token_ids) > first:
            yield index


def _place(
    row_ids: np.ndarray,
    first: int,
    start: int,
    item: TokenizedDocument,
    document: Document,
    vocabulary: Vocabulary,
) -> Place:
    """Of the part of ``document`` in a row whose first token is the stream's ``first``."""
    begin = max(first - int(start), 0)
    end = min(first + len(row_ids) - int(start), len(item.token_ids))
    in_row = (int(start) + begin - first, int(start) + end - first)
    if not np.array_equal(item.token_ids[begin:end], row_ids[slice(*in_row)]):
        raise AssertionError(
            f"{document.document_id}: its tokens do not stand where they should; please report this"
        )
    ends = np.concatenate([[0], np.cumsum(vocabulary.byte_lengths[item.token_ids])])
    is_exact = bool(ends[-1] == item.num_bytes)
    span = (int(ends[begin]), int(ends[end])) if is_exact else None
    return Place(
        row_tokens=in_row,
        document_id=document.document_id,
        tokens=(begin, end),
        num_tokens=len(item.token_ids),
        span=span,
        num_bytes=item.num_bytes,
        first_line=document.text.encode()[: span[0]].count(b"\n") + 1 if span else 0,
        text=vocabulary.text(item.token_ids[begin:end]),
    )


def _documents(outputs: DataOutputs, split: str) -> Iterator[Document]:
    return map(documents.decode, outputs.documents(split))
