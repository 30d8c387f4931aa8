"""Which documents train the tokenizer: a sample by hash, in an order of its own.

Neither the files' number nor the order of records in them matters: both the choice and the order
go by the SHA-256 of the text, so the same documents give the same tokenizer. With a limit of
5 bytes, the texts ``"aa"``, ``"bbb"`` and ``"cc"``, whose hashes start 96, 3e and 35, give
``"cc"`` and ``"bbb"``. Memory: at most twice ``max_bytes`` and two documents more.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable


def sample_by_hash(texts: Iterable[str], max_bytes: int) -> list[str]:
    """The first ``max_bytes`` of text in the order of hashes; the last document is cut to fit."""
    kept: list[tuple[bytes, bytes]] = []
    num_bytes, num_bytes_to_trim = 0, 2 * max_bytes
    for text in texts:
        encoded = text.encode()
        kept.append((hashlib.sha256(encoded).digest(), encoded))
        num_bytes += len(encoded)
        if num_bytes > num_bytes_to_trim:
            kept, num_bytes = _head(kept, max_bytes)
            num_bytes_to_trim = num_bytes + max_bytes
    kept, num_bytes = _head(kept, max_bytes)
    sample = [encoded for _, encoded in kept]
    if num_bytes > max_bytes:
        sample[-1] = sample[-1][: max_bytes - num_bytes]
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
