"""Text to words, and words to n-grams as 64-bit hashes: what duplicates and contamination are found by.

A word is a run of letters and digits, in lower case (`str.casefold`); in a script that is written
without spaces (Chinese, Japanese kana, Thai, Lao, Burmese, Khmer, Tibetan) it is one character.
White space, punctuation and underscores separate words and count for nothing, so a text is the
same when it is wrapped or punctuated otherwise. ``"The cat's 三国"`` has the words ``the cat s 三 国``.

An n-gram's hash is a polynomial in the hashes of its words, modulo 2^64, mixed once more so
that all bits are good: one NumPy operation a word of the n-gram for the whole text, whatever the
language. Words are hashed by BLAKE2b, equal on every machine and in every process. Two different
n-grams have one hash with probability 2^-64: of a billion n-grams against ten million, one in two
thousand corpora would show a chance hit.
"""

from __future__ import annotations

import functools
import hashlib
import re

import numpy as np

Hashes = np.ndarray
"""``(length,)``, uint64."""

_UNSPACED = (
    "\u0e00-\u0eff"  # Thai, Lao
    "\u0f00-\u0fff"  # Tibetan
    "\u1000-\u109f"  # Burmese
    "\u1780-\u17ff"  # Khmer
    "\u3040-\u30ff"  # kana
    "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"  # Han
)
_WORD = re.compile(rf"[^\W_{_UNSPACED}]+|(?![\W_])[{_UNSPACED}]")
_BASE = np.uint64(0x9E3779B97F4A7C15)
_CACHED_WORDS = 1 << 17


def words(text: str) -> list[str]:
    """``"Enter KING-Lear" -> ["enter", "king", "lear"]``."""
    return _WORD.findall(text.casefold())


def hash_words(found: list[str]) -> Hashes:
    """One hash a word."""
    return np.fromiter(map(_hash_word, found), np.uint64, len(found))


def hash_characters(text: str) -> Hashes:
    """One hash a character."""
    return _mix(np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32).astype(np.uint64))


def hash_ngrams(units: Hashes, length: int) -> Hashes:
    """One hash for each ``length`` consecutive units, in their order; none where there are fewer units.

    ``length`` goes into the hash: n-grams of two lengths never meet.
    """
    count = len(units) - length + 1
    if count < 1:
        return np.empty(0, np.uint64)
    total = np.full(count, length, np.uint64)
    for start in range(length):
        total = total * _BASE + units[start : start + count]
    return _mix(total)


@functools.lru_cache(_CACHED_WORDS)
def _hash_word(word: str) -> int:
    return int.from_bytes(hashlib.blake2b(word.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "little")


def _mix(values: Hashes) -> Hashes:
    """The finaliser of SplitMix64 (Steele, Lea and Flood, OOPSLA 2014), a bijection."""
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))
