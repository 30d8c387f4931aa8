"""Text to words, and words to n-grams as 64-bit hashes: what duplicates and contamination are found by.

A word is a run of letters and digits, in lower case (`str.casefold`); in a script that is written
without spaces (Chinese, Japanese kana, Thai, Lao, Burmese, Khmer, Tibetan) it is one character.
White space, punctuation and underscores separate words and count for nothing, so a text is the
same when it is wrapped or punctuated otherwise. ``"The cat's 三国"`` has the words ``the cat s 三 国``.

A word's hash is the sum of the hashes of its (place, character) pairs, an n-gram's a polynomial in
those of its words, both modulo 2^64 and mixed: NumPy operations on whole texts, some 50 MB/s, and equal
in every process. Two different n-grams share a hash with probability 2^-64: with a billion of them
against ten million, one corpus in two thousand has a chance hit. Nobody is kept from making one
on purpose.
Memory: 100 bytes a character for a million characters at a time, and 8 bytes a word.
"""

from __future__ import annotations

import functools
from typing import NamedTuple

import numpy as np

Hashes = np.ndarray
"""``(length,)``, uint64."""

_BASE = np.uint64(0x9E3779B97F4A7C15)
_CHUNK_CHARACTERS = 1 << 20
_APART, _IN_RUN, _ALONE = 0, 1, 2
_UNSPACED = (
    (0x0E00, 0x0EFF),  # Thai, Lao
    (0x0F00, 0x0FFF),  # Tibetan
    (0x1000, 0x109F),  # Burmese
    (0x1780, 0x17FF),  # Khmer
    (0x3040, 0x30FF),  # kana
    (0x3400, 0x9FFF),  # Han, with its extensions and compatibility forms
    (0xF900, 0xFAFF),
    (0x20000, 0x3FFFF),
)


class _Segments(NamedTuple):
    """The words of a text in lower case."""

    starts: np.ndarray
    """``(words,)``: where each starts."""
    lengths: np.ndarray
    """``(words,)``: characters of each."""
    characters: np.ndarray
    """``(sum of lengths,)``, uint64: code points, all words in a row."""


def words(text: str) -> list[str]:
    """``"Enter KING-Lear" -> ["enter", "king", "lear"]``."""
    found = []
    for chunk in _chunks(text.casefold()):
        starts, lengths, _ = _segment(chunk)
        found += [chunk[start : start + length] for start, length in zip(starts, lengths, strict=True)]
    return found


def hash_words(text: str) -> Hashes:
    """One hash a word, in their order."""
    return np.concatenate([_hash_segments(_segment(chunk)) for chunk in _chunks(text.casefold())])


def hash_characters(text: str) -> Hashes:
    """One hash a letter or digit, in their order, whatever separates them."""
    return _mix(np.concatenate([_segment(chunk).characters for chunk in _chunks(text.casefold())]))


def hash_ngrams(units: Hashes, length: int) -> Hashes:
    """One hash for each ``length`` consecutive units, in their order; none where there are fewer units.

    ``length`` goes into the hash: n-grams of two lengths never meet.
    """
    count = len(units) - length + 1
    if count < 1:
        return np.empty(0, np.uint64)
    # The sum of unit * base^(last - place) over an n-gram's places is a difference of two sums, over all
    # places before, of unit * base^-place: the base is odd, and so has an inverse.
    powers, inverses = _powers(len(units) + length)
    sums = np.cumsum(units * inverses[: len(units)])
    differences = sums[length - 1 :].copy()
    differences[1:] -= sums[: count - 1]
    first = np.uint64(length * int(powers[length]) % (1 << 64))
    return _mix(differences * powers[length - 1 : length - 1 + count] + first)


def _segment(text: str) -> _Segments:
    codes = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32)
    kinds = _kinds().take(codes)
    starting = kinds != _APART
    inside = np.flatnonzero(starting)
    starting[1:] &= (kinds[1:] == _ALONE) | (kinds[:-1] != _IN_RUN)
    firsts = np.flatnonzero(starting[inside])
    lengths = np.diff(firsts, append=len(inside))
    return _Segments(inside[firsts], lengths, codes[inside].astype(np.uint64))


def _hash_segments(segments: _Segments) -> Hashes:
    if not len(segments.starts):
        return np.empty(0, np.uint64)
    begins = np.cumsum(segments.lengths) - segments.lengths
    pairs = np.arange(len(segments.characters), dtype=np.uint64)
    pairs -= np.repeat(begins.astype(np.uint64), segments.lengths)
    pairs <<= np.uint64(32)
    pairs |= segments.characters
    return _mix(np.add.reduceat(_mix(pairs), begins))


def _chunks(text: str) -> list[str]:
    """Of a million characters or more each, cut where no word is cut; one of them, at least."""
    chunks, start = [], 0
    while len(text) - start > _CHUNK_CHARACTERS:
        end = start + _CHUNK_CHARACTERS
        while end < len(text) and text[end].isalnum():
            end += 1
        chunks.append(text[start:end])
        start = end
    return [*chunks, text[start:]]


def _powers(count: int) -> tuple[np.ndarray, np.ndarray]:
    """The first powers of the base, ``count`` or more, and of its inverse."""
    return _all_powers(1 << count.bit_length())


@functools.lru_cache(maxsize=2)
def _all_powers(count: int) -> tuple[np.ndarray, np.ndarray]:
    inverse = pow(int(_BASE), -1, 1 << 64)
    rest = [np.full(count - 1, base, np.uint64) for base in (int(_BASE), inverse)]
    powers, inverses = (np.cumprod(np.append(np.uint64(1), each), dtype=np.uint64) for each in rest)
    return powers, inverses


@functools.cache
def _kinds() -> np.ndarray:
    """Code point -> what it is to a word; takes 0.1 s, once a process."""
    kinds = np.fromiter((chr(code).isalnum() for code in range(0x110000)), np.uint8, 0x110000)
    for first, last in _UNSPACED:
        kinds[first : last + 1] *= _ALONE
    return kinds


def _mix(values: Hashes) -> Hashes:
    """The finaliser of SplitMix64 (Steele, Lea and Flood, OOPSLA 2014), a bijection."""
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))
