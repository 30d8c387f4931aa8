"""Which training documents hold passages of the evaluation.

Two texts share a passage when they share an n-gram of words (`ngrams`), long enough that this does not
happen by chance: thirteen words for the items of tasks (GPT-3, arXiv 2005.14165, appendix C), fifty for
documents of the held-out splits, of which a quoted line is no leak (Lee et al., arXiv 2107.06499, look
for exact substrings of fifty tokens). An item shorter than an n-gram, but of at least ``min_words``,
eight as in GPT-3, is one n-gram as a whole.

An n-gram that more than ``max_documents`` training documents hold is a phrase of the language, a licence or a
stage direction: it says nothing of where a text comes from and does not count (ten, as in GPT-3).

With n-grams of 3 words, ``to be or not to be`` against ``he said to be or not``: they share
``to be or`` and ``be or not``.

Memory: 8 bytes an n-gram, and 2 of its sieve; at most ``max_ngrams`` of them. Where a held-out split has
more, those with the smallest hashes stand for all, a sample by content: of a shared passage of m words,
m - 49 n-grams can be in it, so it takes long passages, and overlapping ones, to be found by a small sample.
"""

from __future__ import annotations

import dataclasses
import functools
import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np

from components.corpus_gen.duplicates import ngrams
from components.corpus_gen.duplicates.ngrams import Hashes
from components.corpus_gen.duplicates.sieve import Sieve


@dataclasses.dataclass(frozen=True)
class Passages:
    """What training documents are held against: n-grams, sorted, each once."""

    hashes: Hashes
    lengths: tuple[int, ...]
    """Words per n-gram: those that there are."""

    @functools.cached_property
    def sieve(self) -> Sieve:
        return Sieve(self.hashes)

    @classmethod
    def none(cls) -> Passages:
        return cls(np.empty(0, np.uint64), ())


def passages(text: str, num_words: int, min_words: int) -> Passages:
    """Those of one evaluation item."""
    words = ngrams.hash_words(text)
    length = min(num_words, len(words))
    if length < min_words:
        return Passages.none()
    return Passages(np.unique(ngrams.hash_ngrams(words, length)), (length,))


def unite(found: Iterable[Passages], max_ngrams: int) -> Passages:
    """All of them, but at most so many: those with the smallest hashes, in any order and grouping."""
    found = list(found)
    hashes = np.unique(np.concatenate([np.empty(0, np.uint64), *(one.hashes for one in found)]))
    lengths = {length for one in found for length in one.lengths}
    return Passages(hashes[:max_ngrams], tuple(sorted(lengths)))


def shared(text: str, against: Passages) -> Hashes:
    """The n-grams that ``text`` has in common with the evaluation, each once."""
    if not len(against.hashes):
        return against.hashes
    words = ngrams.hash_words(text)
    return np.concatenate(
        [against.sieve.among(np.unique(ngrams.hash_ngrams(words, length))) for length in against.lengths]
    )


def first_shared(text: str, hits: Hashes, lengths: Iterable[int]) -> str:
    """The words of the first n-gram of ``text`` that is among ``hits``."""
    units, words = ngrams.hash_words(text), ngrams.words(text)
    for length in lengths:
        found = np.flatnonzero(np.isin(ngrams.hash_ngrams(units, length), hits))
        if len(found):
            return " ".join(words[found[0] : found[0] + length])
    raise AssertionError("the hits are not of this text")


def task_texts(line: str) -> Iterator[str]:
    """The text of one line of a task file: all strings of a JSON value, in their order, or else the line.

    ``{"question": "Who?", "choices": ["He", "She"]}`` gives one text, ``Who? He She``; each string of eight
    words or more is a text of its own, too, as a document may hold the question alone.
    """
    try:
        value = json.loads(line)
    except ValueError:
        value = line
    strings = list(_strings(value))
    if strings:
        yield " ".join(strings)
    if len(strings) > 1:
        yield from strings


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for inner in value.values():
            yield from _strings(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _strings(inner)
