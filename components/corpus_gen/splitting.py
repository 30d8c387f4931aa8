"""The split of a document: a hash of its text alone.

So the same text lands in the same split on every machine and in every corpus, and copies of a text
cannot straddle splits. The very hash of TFX's ExampleGen for `partition_feature_name` (SHA-256 of the
serialized feature, modulo the buckets), without its need for TensorFlow in every Beam worker.
"""

from __future__ import annotations

import bisect
import hashlib
import itertools
from collections.abc import Mapping

from components.config import CorpusConfig
from components.protos import Feature

NUM_BUCKETS = 100
TRAIN = "train"


def shares(corpus: CorpusConfig) -> dict[str, int]:
    """Split -> buckets, in order; the last are test's, so changing eval's share leaves test alone."""
    return {
        TRAIN: NUM_BUCKETS - corpus.eval_percent - corpus.test_percent,
        "eval": corpus.eval_percent,
        "test": corpus.test_percent,
    }


def index(text: str, buckets: Mapping[str, int]) -> int:
    """Which of the splits, by their order, has this text."""
    feature = Feature()
    feature.bytes_list.value.append(text.encode())
    digest = hashlib.sha256(feature.SerializeToString(deterministic=True)).digest()
    ends = list(itertools.accumulate(buckets.values()))
    return bisect.bisect(ends, int.from_bytes(digest, "big") % ends[-1])
