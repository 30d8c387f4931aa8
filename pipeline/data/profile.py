"""What a corpus is like: sizes, lengths, languages, the tokenizer's fit, and examples of what was left out.

One pass over the documents. The counts of documents, bytes and tokens by split and source are exact whatever
the corpus' size, from the stages' own reports; what has to be measured here (by language, lengths, words,
how often a token is used) is of all documents of a corpus up to `MOST_DOCUMENTS` and `MOST_BYTES`, and of a
part of them above: those whose record's CRC-32 is below a bound, so the same part each time.
Memory: counters, one for each token, source, language and class of lengths; and one document.

A document's length belongs to one of ten classes a decade: class ``k`` is from ``10 ** (k / 10)`` on, so
that 10 to 12 bytes are class 10, 13 to 15 class 11, and 100 bytes class 20.
"""

from __future__ import annotations

import dataclasses
import heapq
import math
import zlib
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator

import numpy as np

from components.corpus_gen import rejections
from components.corpus_gen.rejections import Rejected
from components.documents import LANGUAGE, NUM_WORDS, Document, decode
from components.protos import Example
from components.sequence_packer import tokenizing
from models.tokenizing.reading import TextTokenizer
from pipeline.data.outputs import TOKENIZER, DataOutputs

MOST_DOCUMENTS = 50_000
MOST_BYTES = 32_000_000
EXAMPLES = 3
CLASSES_PER_DECADE = 10
Progress = Callable[[int, int], None]
"""Told how many records of how many were read."""


@dataclasses.dataclass
class Tally:
    """Of some documents."""

    documents: int = 0
    num_bytes: int = 0
    characters: int = 0
    words: int = 0
    tokens: int = 0
    """Without those between documents; 0 where there is no tokenizer yet."""

    def add(self, text: str, num_tokens: int, words: int) -> None:
        self.documents += 1
        self.num_bytes += len(text.encode())
        self.characters += len(text)
        self.words += words
        self.tokens += num_tokens


@dataclasses.dataclass(frozen=True)
class Profile:
    """Of the documents that were measured."""

    share: float
    """Of the corpus' documents, roughly; 1 where all were measured."""
    by_source: dict[str, Tally]
    by_language: dict[str, Tally]
    byte_lengths: dict[str, Counter[int]]
    """Source -> class of length -> documents."""
    token_lengths: dict[str, Counter[int]]
    token_counts: np.ndarray
    """By id, int64 ``(vocabulary_size,)``; empty where there is no tokenizer yet."""
    examples: dict[str, list[Rejected]]
    """Reason -> at most `EXAMPLES` that were left out for it, of all sources."""


def measure(
    outputs: DataOutputs,
    progress: Progress = lambda done, total: None,
    most_documents: int = MOST_DOCUMENTS,
    most_bytes: int = MOST_BYTES,
) -> Profile:
    """Measures the documents of all splits."""
    model = outputs.tokenizer if outputs.has(TOKENIZER) else None
    amounts = [outputs.corpus.kept(split) for split in outputs.corpus.splits]
    total, num_bytes = sum(each.documents for each in amounts), sum(each.num_bytes for each in amounts)
    share = min(1.0, most_documents / max(total, 1), most_bytes / max(num_bytes, 1))
    found = _empty(share, model)
    for index, record in enumerate(_all_documents(outputs)):
        if index % 1000 == 0:
            progress(index, total)
        if share == 1.0 or zlib.crc32(record) < share * 2**32:
            _add(found, record, model)
    found.examples.update(_examples(outputs.rejected()))
    return found


def length_class(length: int) -> int:
    """Of a document of ``length`` bytes or tokens, at least 1."""
    return math.floor(math.log10(max(length, 1)) * CLASSES_PER_DECADE + 1e-9)


def _empty(share: float, model: TextTokenizer | None) -> Profile:
    size = model.vocabulary_size if model else 0
    return Profile(
        share, defaultdict(Tally), defaultdict(Tally), defaultdict(Counter), defaultdict(Counter),
        np.zeros(size, np.int64), {},
    )  # fmt: skip


def _all_documents(outputs: DataOutputs) -> Iterator[bytes]:
    for split in outputs.corpus.splits:
        yield from outputs.documents(split)


def _add(profile: Profile, record: bytes, model: TextTokenizer | None) -> None:
    features = Example.FromString(record).features.feature
    document = decode(record)
    language = features[LANGUAGE].bytes_list.value[0].decode()
    words = features[NUM_WORDS].int64_list.value[0]
    token_ids = _tokens(document, model)
    for tally in (profile.by_source[document.source], profile.by_language[language]):
        tally.add(document.text, len(token_ids), words)
    profile.byte_lengths[document.source][length_class(len(document.text.encode()))] += 1
    if model is not None:
        profile.token_lengths[document.source][length_class(len(token_ids))] += 1
        profile.token_counts[:] += np.bincount(token_ids, minlength=len(profile.token_counts))


def _tokens(document: Document, model: TextTokenizer | None) -> np.ndarray:
    return tokenizing.tokenize(document, model).token_ids if model else np.zeros(0, np.int32)


def _examples(records: Iterator[bytes]) -> dict[str, list[Rejected]]:
    """Of each reason, those with the smallest CRC-32: some from anywhere, and the same each time."""
    kept: dict[str, list[tuple[int, bytes]]] = defaultdict(list)
    for record in records:
        heap = kept[rejections.decode(record).reason]
        heapq.heappush(heap, (-zlib.crc32(record), record))
        if len(heap) > EXAMPLES:
            heapq.heappop(heap)
    return {
        reason: [rejections.decode(record) for _, record in sorted(heap, reverse=True)]
        for reason, heap in kept.items()
    }
