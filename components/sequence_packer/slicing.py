"""Which documents are packed together, for the evaluation to tell them apart.

A row holds several documents, and what is summed over a row is of all of them. So in the held-out splits
only documents of one source, one language and about one length share a row; each row then belongs to one
slice of each kind. In training languages and lengths stay mixed, as they come.

With ``buckets = (256, 1024)``, documents of 255, 256 and 5000 bytes are in ``<256``, ``256-1023`` and
``>=1024``.

Cost: the last row of a stream is filled up with padding, so each combination that occurs costs at most one
row more a shard.
"""

from __future__ import annotations

import bisect
from collections.abc import Sequence

from components.documents import Document

TRAIN = "train"


def language_and_length(document: Document, split: str, buckets: Sequence[int]) -> tuple[str, str]:
    """Of a decoded document; nothing, twice, in the train split."""
    if split == TRAIN:
        return "", ""
    return document.language, length_bucket(len(document.text.encode()), buckets)


def length_bucket(num_bytes: int, buckets: Sequence[int]) -> str:
    """The name of the bucket; the empty one where there are no buckets."""
    if not buckets:
        return ""
    index = bisect.bisect_right(buckets, num_bytes)
    if index == 0:
        return f"<{buckets[0]}"
    if index == len(buckets):
        return f">={buckets[-1]}"
    return f"{buckets[index - 1]}-{buckets[index] - 1}"
