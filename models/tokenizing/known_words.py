r"""Tokens of many texts by words that were encoded before, on whole arrays.

In a language most words come again and again, and a byte-pair encoder works a microsecond a character each
time. Where no piece of a vocabulary reaches across some place of a text, its byte-pair encoding is that of
the parts on both sides, joined: a merge makes a piece, so none reaches across, and merges of one part
change nothing in the other. Such a place is between two bytes that stand side by side in no piece; a byte
that continues a character always belongs to the one before it. With the pieces ``" the"``, ``"."`` and
``".\n"``, the bytes that stand side by side are ``" t"``, ``"th"``, ``"he"`` and ``".\n"``:

    "\n the cat.\n"  ->  "\n", " the", " ", "c", "a", "t", ".\n"

The words of a batch of texts are found in its bytes by one look at a table for each pair of neighbours; Arrow
numbers the different ones, those first that are known; the others are encoded; and the ids of all are
gathered at once. Python does nothing for each word. Of enwik8, 2 MB at a time, one core encodes 34 MB/s,
where SentencePiece encodes 7 text by text.

For unigram models this does not hold to the last bit: their scores are sums of floats over the whole text.

Memory: some 30 bytes for each byte of a batch. All known words are forgotten when they have
grown to `_KEPT_BYTES`: more than a processor's cache holds take as long to look up as rare ones to encode.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Sequence
from typing import final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

_SEPARATOR = "\0"
"""Stands between words that are encoded together. SentencePiece reads no model that has it in a piece."""
MIN_CHARACTERS = 100_000
"""Fewer are encoded sooner as they are than by words: each batch begins with numbering the known ones."""
_ENCODED_TOGETHER = 512
_KEPT_BYTES = 2_000_000
_CONTINUING = slice(0x80, 0xC0)
"""Bytes of UTF-8 that begin no character."""


@final
class KnownWords:
    """Encodes texts by their words."""

    def __init__(self, pieces: Iterable[str], encode: Callable[[str], np.ndarray]) -> None:
        """``pieces`` are all that merges can make, and ``encode`` merges."""
        self._is_cut = ~neighbours(pieces).reshape(-1)
        self._encode = encode
        self._forget()

    def _forget(self) -> None:
        """All words but the separator, which so is never in what is encoded."""
        self._words = pa.array([_SEPARATOR.encode()], pa.binary())
        self._ids = self._encode(_SEPARATOR)
        """Of all known words, in their order; the first is the separator's one."""
        self._ends = np.array([0, 1], np.int32)
        """Where each word's ids end; before them, a 0."""

    def ids(self, texts: Sequence[bytes]) -> list[np.ndarray]:
        """Token ids of each text of UTF-8, int32 ``(tokens,)``; of all together less than 2 GB."""
        joined = b"".join(texts)
        if not joined:
            return [np.array([], np.int32) for _ in texts]
        text_ends = np.cumsum([len(text) for text in texts], dtype=np.int64)
        starts = self._word_starts(joined, text_ends)
        words = self._numbers(joined, starts)
        lengths = np.diff(self._ends)[words]
        ends = np.cumsum(lengths, dtype=np.int32)
        places = np.repeat(self._ends[words] - ends + lengths, lengths)
        places += np.arange(len(places), dtype=np.int32)
        ids = self._ids[places]
        num_words = np.searchsorted(starts, text_ends)
        edges = [0, *np.append(ends, np.int32(0))[num_words - 1].tolist()]
        return [ids[start:end] for start, end in itertools.pairwise(edges)]

    def _word_starts(self, joined: bytes, text_ends: np.ndarray) -> np.ndarray:
        """Where words start, int32 ``(words,)``: each text begins with one."""
        data = np.frombuffer(joined, np.uint8)
        pairs = data[:-1].astype(np.uint16)
        pairs <<= 8
        pairs |= data[1:]
        is_start = np.ones(len(data) + 1, bool)
        np.take(self._is_cut, pairs, out=is_start[1:-1], mode="clip")  # Other modes copy what they write.
        is_start[text_ends] = True
        return np.flatnonzero(is_start[:-1]).astype(np.int32)

    def _numbers(self, joined: bytes, starts: np.ndarray) -> np.ndarray:
        """Of each word its place among those known; those that are new become known."""
        if self._words.nbytes > _KEPT_BYTES:
            self._forget()
        offsets = pa.py_buffer(np.append(starts, np.int32(len(joined))))
        words = pa.BinaryArray.from_buffers(pa.binary(), len(starts), [None, offsets, pa.py_buffer(joined)])
        numbered = pa.chunked_array([self._words, words]).dictionary_encode().chunk(1)
        if len(numbered.dictionary) > len(self._words):
            self._learn(numbered.dictionary)
        return numbered.indices.to_numpy()

    def _learn(self, words: pa.BinaryArray) -> None:
        """Makes ``words``, which begin with the known ones, the known ones."""
        new = words[len(self._words) :]
        edges = [*range(0, len(new), _ENCODED_TOGETHER), len(new)]
        lists = pa.ListArray.from_arrays(pa.array(edges, pa.int32()), new)
        texts = pc.binary_join(lists, _SEPARATOR.encode()).to_pylist()
        ids = np.concatenate([self._encode(text.decode() + _SEPARATOR) for text in texts])
        is_separator = ids == self._ids[0]
        ends = np.flatnonzero(is_separator) - np.arange(len(new)) + len(self._ids)
        self._words = words
        self._ends = np.concatenate([self._ends, ends], dtype=np.int32)
        self._ids = np.concatenate([self._ids, ids[~is_separator]])


def neighbours(pieces: Iterable[str]) -> np.ndarray:
    """Which bytes stay together, bool ``(256, 256)`` by the first and the second."""
    together = np.zeros((256, 256), bool)
    together[:, _CONTINUING] = True
    for piece in pieces:
        data = np.frombuffer(piece.encode(), np.uint8)
        together[data[:-1], data[1:]] = True
    return together
