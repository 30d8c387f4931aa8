"""Which of some hashes are in a large sorted array: most are not, and a bit says so.

Bisecting ten million hashes looks at two dozen places, most of which are in no cache. Hashes spread evenly,
so the array's range is cut into equal parts, 8 to 16 for each of its hashes, with one bit a part, set where
there is a hash in it: of those that are not in the array, at most one in eight has to be bisected for. With
8 parts of 2^61 and the hashes 3 and 5 * 2^61 + 1, bits 0 and 5 are set.

Cost: 0.25 µs a hash against ten million, instead of 1.6; the bits take 1 to 2 bytes a hash of the array.
"""

from __future__ import annotations

import numpy as np

from components.corpus_gen.duplicates.ngrams import Hashes

_PARTS_PER_HASH = 8
_CHUNK = 1 << 20


class Sieve:
    """Of a sorted array, each hash once; it is kept as it is."""

    def __init__(self, hashes: Hashes) -> None:
        self._hashes = hashes
        num_bits = max(3, (_PARTS_PER_HASH * len(hashes)).bit_length())
        self._shift = np.uint64(64 - num_bits)
        self._bits = np.zeros((1 << num_bits) // 8, np.uint8)
        for start in range(0, len(hashes), _CHUNK):
            places, masks = self._places(hashes[start : start + _CHUNK])
            firsts = np.flatnonzero(np.diff(places, prepend=-1))
            self._bits[places[firsts]] |= np.bitwise_or.reduceat(masks, firsts)

    def among(self, hashes: Hashes) -> Hashes:
        """Those of ``hashes``, in their order, that are in the array."""
        if not len(self._hashes):
            return hashes[:0]
        places, masks = self._places(hashes)
        hashes = hashes[(self._bits[places] & masks) != 0]
        found = np.searchsorted(self._hashes, hashes)
        found[found == len(self._hashes)] = 0
        return hashes[self._hashes[found] == hashes]

    def _places(self, hashes: Hashes) -> tuple[np.ndarray, np.ndarray]:
        """Bytes of the bits, and the bit of each as a mask."""
        parts = hashes >> self._shift
        masks = np.left_shift(np.uint8(1), (parts & np.uint64(7)).astype(np.uint8))
        return (parts >> np.uint64(3)).astype(np.intp), masks
