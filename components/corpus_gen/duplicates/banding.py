"""Banding: from MinHash signatures to keys that near-duplicates have in common.

A signature of ``bands * rows`` hashes is cut into bands of ``rows`` each; two documents become
candidates when they agree in all rows of at least one band. As one hash agrees with a
probability that is the Jaccard similarity s of the two sets of shingles (Broder, "On the resemblance
and containment of documents", 1997), candidates they become with probability

    1 - (1 - s^rows)^bands

(Leskovec, Rajaraman and Ullman, "Mining of Massive Datasets", section 3.4), a step that is the
steeper the more hashes there are. `choose` takes of all steps the latest that still finds a pair at
the threshold with the probability asked for: it costs the fewest keys a document, and candidates
are verified anyway. For 128 hashes, threshold 0.8 and 0.99 these are 21 bands of 6 rows:

    similarity    0.3    0.5    0.6    0.7    0.8    0.9
    found         0.015  0.282  0.633  0.928  0.998  1.000

With 18 bands of 7 it would be 0.986 at 0.8: too few.
"""

from __future__ import annotations

import hashlib
from typing import NamedTuple

import numpy as np

from components.corpus_gen.duplicates.settings import DuplicatesConfig


class Banding(NamedTuple):
    """How a signature is cut."""

    bands: int
    rows: int

    def probability(self, similarity: float) -> float:
        """That two documents of this similarity share a key."""
        return 1.0 - (1.0 - similarity**self.rows) ** self.bands


def choose(settings: DuplicatesConfig) -> Banding:
    """The most rows with which a pair at the threshold is found with probability ``near_recall``."""
    found = [
        banding
        for rows in range(1, settings.num_hashes + 1)
        if (banding := Banding(settings.num_hashes // rows, rows)).probability(settings.near_threshold)
        >= settings.near_recall
    ]
    # One row a band: even 16 hashes find a pair at 0.3 with probability 0.997.
    return found[-1] if found else Banding(settings.num_hashes, 1)


def keys(signature: np.ndarray, banding: Banding) -> list[bytes]:
    """One key of 8 bytes a band; keys of different bands differ."""
    rows = signature[: banding.bands * banding.rows].reshape(banding.bands, banding.rows)
    return [
        hashlib.blake2b(band.tobytes(), digest_size=8, salt=number.to_bytes(2, "little")).digest()
        for number, band in enumerate(rows)
    ]
