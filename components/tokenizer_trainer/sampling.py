"""Which text trains the tokenizer: of each source its share, a sample by hash, in an order of its own.

The sample is as large as the split, or ``max_bytes`` if that is less. A source's share of it is its weight
times its size; one that has less text than its share is read more than once. So, without a limit,

    source   text                bytes   weight   share       taken
    a        "aa", "bbb", "cc"     7       1      7/14 of 8   4 bytes: "cc" and the first two of "bbb"
    b        "d"                   1       7      7/14 of 8   4 bytes: four times "d"

and the tokenizer is trained on as much of the one as of the other. The files' number and the order of records
in them do not matter: both the choice and the order go by the SHA-256 of the text (which starts with 96, 3e,
35 and 18 here), so the same documents and weights give the same tokenizer. The split is read twice, first for
the sizes. Memory: at most twice ``max_bytes``, and two documents more for each source.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from fractions import Fraction

Texts = Iterable[tuple[str, str]]
"""Source and text of each document, in any order."""


def weighted_sample(
    read: Callable[[], Texts], weights: Mapping[str, float], max_bytes: int
) -> dict[str, list[str]]:
    """Each source's part of the sample; `in_order` has them as one.

    Args:
      read: reads all documents; called twice.
      weights: 1 for a source that is left out.
    """
    sizes: Counter[str] = Counter()
    for source, text in read():
        sizes[source] += len(text.encode())
    shares = shares_of(sizes, weights, max_bytes)
    samples = {source: _Sample(min(shares[source], size)) for source, size in sizes.items()}
    for source, text in read():
        samples[source].add(text)
    return {
        source: _repeated(sample.texts(), sizes[source], shares[source])
        for source, sample in sorted(samples.items())
    }


def shares_of(sizes: Mapping[str, int], weights: Mapping[str, float], max_bytes: int) -> dict[str, int]:
    """Bytes of each source: 4 each of 7 and 1, with weights of 1 and 7."""
    parts = {source: Fraction(weights.get(source, 1.0)) * size for source, size in sizes.items()}
    total = min(sum(sizes.values()), max_bytes)
    whole = sum(parts.values())
    return {source: int(total * part / whole) if whole else 0 for source, part in parts.items()}


def in_order(sample: Mapping[str, list[str]]) -> list[str]:
    """The texts of all sources by their hashes."""
    texts = (text for of_source in sample.values() for text in of_source)
    return sorted(texts, key=lambda text: hashlib.sha256(text.encode()).digest())


def sample_by_hash(texts: Iterable[str], max_bytes: int) -> list[str]:
    """The first ``max_bytes`` of text in the order of hashes; the last document is cut to fit."""
    sample = _Sample(max_bytes)
    for text in texts:
        sample.add(text)
    return sample.texts()


class _Sample:
    """Keeps what may be among the first ``max_bytes``."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._kept: list[tuple[bytes, bytes]] = []
        self._num_bytes = 0
        self._num_bytes_to_trim = 2 * max_bytes

    def add(self, text: str) -> None:
        encoded = text.encode()
        self._kept.append((hashlib.sha256(encoded).digest(), encoded))
        self._num_bytes += len(encoded)
        if self._num_bytes > self._num_bytes_to_trim:
            self._kept, self._num_bytes = _head(self._kept, self._max_bytes)
            self._num_bytes_to_trim = self._num_bytes + self._max_bytes

    def texts(self) -> list[str]:
        kept, num_bytes = _head(self._kept, self._max_bytes)
        sample = [encoded for _, encoded in kept]
        if num_bytes > self._max_bytes:
            sample[-1] = sample[-1][: self._max_bytes - num_bytes]
        return [encoded.decode("utf-8", errors="ignore") for encoded in sample]


def _head(hash_to_text: list[tuple[bytes, bytes]], max_bytes: int) -> tuple[list[tuple[bytes, bytes]], int]:
    """The fewest documents, in order of hashes, that reach ``max_bytes``, and their bytes; all if none do."""
    hash_to_text.sort()
    num_bytes = 0
    for index, (_, encoded) in enumerate(hash_to_text):
        num_bytes += len(encoded)
        if num_bytes >= max_bytes:
            return hash_to_text[: index + 1], num_bytes
    return hash_to_text, num_bytes


def _repeated(texts: list[str], num_bytes: int, share: int) -> list[str]:
    """``texts``, of ``num_bytes``, as often as gives ``share`` bytes; the last time a part of them."""
    if share <= num_bytes:
        return texts
    times, rest = divmod(share, num_bytes)
    return texts * times + (sample_by_hash(texts, rest) if rest else [])
