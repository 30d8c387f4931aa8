"""What is compared of documents: records of one width that sort by what is to meet (`sorted_records`).

A node names a document in few bytes and sorts by its rank: source in the order of the configuration, then the
longest, then the first by file and line. For each document there is one `COPY` record, its text's hash and
its node; and for one that has enough shingles a `band_dtype` record for each band of its signature, so that
documents that agree in a band stand together, and copies within those.

On disk: 39 bytes a document, and 21 times 167 bytes with the default signature.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from components import sorted_records
from components.corpus_gen.duplicates import banding, signatures
from components.corpus_gen.duplicates.banding import Banding
from components.corpus_gen.duplicates.settings import DuplicatesConfig

Node = bytes

_NODE = struct.Struct(">HQIQB")
_LONGEST = 2**63
HASH_BYTES, KEY_BYTES, TEXT_BYTES = 16, 8, 8
"""Of a text, of a band, and of a text within its band."""
COPY = np.dtype([("text", f"S{HASH_BYTES}"), ("node", f"V{_NODE.size}")])
NODE_BYTES = _NODE.size


class Place(NamedTuple):
    """Where a node's document is."""

    split: int
    """Its number."""
    file: int
    line: int


def band_dtype(num_hashes: int) -> np.dtype:
    """A record of a band."""
    names = [("key", f"S{KEY_BYTES}"), ("text", f"S{TEXT_BYTES}"), ("node", f"V{NODE_BYTES}")]
    return np.dtype([*names, ("sketch", np.uint8, (num_hashes,))])


def make_node(source_index: int, num_bytes: int, place: Place) -> Node:
    """Nodes sort as ``(source_index, -num_bytes, file, line)`` do."""
    return _NODE.pack(source_index, _LONGEST - num_bytes, place.file, place.line, place.split)


def place_of(node: Node) -> Place:
    _, _, file, line, split = _NODE.unpack(node)
    return Place(split, file, line)


class Fingerprint(NamedTuple):
    """What is to be known of one document."""

    text_hash: bytes
    node: Node
    keys: bytes
    """One of `KEY_BYTES` a band; none where there is too little to compare."""
    sketch: bytes


class Fingerprints:
    """Makes them, and records of many."""

    def __init__(self, settings: DuplicatesConfig) -> None:
        self._settings = settings
        self._banding: Banding = banding.choose(settings)

    def of(self, text: str, source_index: int, place: Place) -> Fingerprint:
        content = text.encode()
        node = make_node(source_index, len(content), place)
        text_hash = hashlib.sha256(content).digest()[:HASH_BYTES]
        alone = Fingerprint(text_hash, node, b"", b"")
        if not self._settings.near:
            return alone
        shingles = signatures.shingles(text, self._settings)
        if len(shingles) < self._settings.near_min_shingles:
            return alone
        signature = signatures.sign(shingles, self._settings.num_hashes)
        keys = b"".join(banding.keys(signature, self._banding))
        return Fingerprint(text_hash, node, keys, signatures.sketch(signature))

    @staticmethod
    def copies(found: Sequence[Fingerprint]) -> np.ndarray:
        """Sorted `COPY` records, as bytes."""
        content = b"".join(one.text_hash + one.node for one in found)
        return np.sort(np.frombuffer(content, sorted_records.dtype_of(COPY.itemsize)))

    def bands(self, found: Sequence[Fingerprint]) -> np.ndarray:
        """Sorted records of all bands, as bytes."""
        compared = [one for one in found if one.keys]
        dtype = band_dtype(self._settings.num_hashes)
        keys = np.frombuffer(b"".join(one.keys for one in compared), np.uint8)
        rest = np.frombuffer(
            b"".join(one.text_hash[:TEXT_BYTES] + one.node + one.sketch for one in compared), np.uint8
        )
        records = np.empty((len(compared), self._banding.bands, dtype.itemsize), np.uint8)
        records[:, :, :KEY_BYTES] = keys.reshape(len(compared), self._banding.bands, KEY_BYTES)
        records[:, :, KEY_BYTES:] = rest.reshape(len(compared), 1, dtype.itemsize - KEY_BYTES)
        return np.sort(records.reshape(-1).view(sorted_records.dtype_of(dtype.itemsize)))


def first_numbers(records: np.ndarray) -> np.ndarray:
    """The first 8 bytes of each, as numbers."""
    content = np.ascontiguousarray(records).view(np.uint8).reshape(len(records), -1)[:, :8]
    return np.ascontiguousarray(content).view(">u8").reshape(-1).astype(np.uint64)
