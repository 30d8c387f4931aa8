"""MinHash signatures: a document's shingles as a few numbers that tell how similar two documents are.

A shingle is ``shingle_length`` consecutive words (`ngrams.words`), or letters and digits of the text in
lower case, with nothing between them. The share of shingles that two documents have in common, of all that
either has, is their Jaccard similarity (Broder 1997). Each of a signature's hashes is the same for two
documents with that probability, so the share of equal ones estimates it: with 128 hashes to within
0.035 (one standard deviation) at 0.8.

``"a b c d"`` and ``"a b c e"`` have, as words of length 2, the shingles ab, bc, cd and ab, bc, ce:
two in common of four, similarity 0.5.

The hashes are rensa's (Rust): Fast Similarity Sketching (Dahlgaard, Knudsen and Thorup, arXiv 1704.04370),
which reads each shingle about once instead of once a hash. To verify candidates, one byte of each hash
is kept (b-bit minwise hashing, Li and König, arXiv 0910.3349): unequal hashes then look equal once in 256
times, which `similarity` takes off again.
"""

from __future__ import annotations

import numpy as np
from rensa import RMinHash

from components.corpus_gen.duplicates import ngrams
from components.corpus_gen.duplicates.settings import DuplicatesConfig

_SEED = 1
_CHANCE = 1.0 / 256.0


def shingles(text: str, settings: DuplicatesConfig) -> ngrams.Hashes:
    """The hashes of the document's shingles, each once."""
    in_words = settings.shingle_unit == "words"
    units = ngrams.hash_words(text) if in_words else ngrams.hash_characters(text)
    return np.unique(ngrams.hash_ngrams(units, settings.shingle_length))


def sign(hashes: ngrams.Hashes, num_hashes: int) -> np.ndarray:
    """``(num_hashes,)``, uint32: the signature of a set of shingles."""
    offsets = np.array([0, len(hashes)], np.uint64)
    matrix = RMinHash.digest_matrix_from_flat_token_hashes(hashes, offsets, num_hashes, _SEED)
    return np.array(matrix.to_rows()[0], np.uint32)


def sketch(signature: np.ndarray) -> bytes:
    """One byte a hash."""
    return (signature * np.uint32(0x9E3779B1) >> np.uint32(24)).astype(np.uint8).tobytes()


def similarity(unequal: np.ndarray | int, num_hashes: int) -> np.ndarray:
    """Estimated Jaccard similarity of two documents whose sketches differ in so many places."""
    equal = 1.0 - np.asarray(unequal) / num_hashes
    return np.clip((equal - _CHANCE) / (1.0 - _CHANCE), 0.0, 1.0)


def most_unequal(num_hashes: int, threshold: float) -> int:
    """In how many places sketches may differ and still be as similar as that."""
    return int(np.flatnonzero(similarity(np.arange(num_hashes + 1), num_hashes) >= threshold)[-1])
