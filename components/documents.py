"""The document: what CorpusGen writes, and every later data stage reads.

One ``tf.train.Example`` a document. Its text is valid UTF-8 and is kept to the
byte; what it measures (`NUM_BYTES`, `NUM_WORDS`) is for StatisticsGen and
ExampleValidator, which cannot look into free text.
"""

from __future__ import annotations

import dataclasses

from components.protos import Example
from models.features import NUM_BYTES, SOURCE

TEXT = "text"
DOCUMENT_ID = "document_id"
NUM_WORDS = "num_words"

FEATURES = {
    TEXT: "UTF-8 text of the document",
    SOURCE: "name of the configured source",
    DOCUMENT_ID: "where it came from: '<path below the corpus folder>#<line it starts on, from 1>'",
    NUM_BYTES: "bytes of the text",
    NUM_WORDS: "white-space separated words of the text",
}
"""Feature name -> meaning. `NUM_BYTES` and `NUM_WORDS` are int64, the others bytes."""


@dataclasses.dataclass(frozen=True)
class Document:
    """One text and where it came from."""

    text: str
    source: str
    document_id: str


def make_id(path: str, line: int) -> str:
    """``("news/a.txt", 12) -> "news/a.txt#12"``."""
    return f"{path}#{line}"


def split_id(document_id: str) -> tuple[str, int]:
    """``"news/a.txt#12" -> ("news/a.txt", 12)``: sorts by file, then by place in it."""
    path, _, line = document_id.rpartition("#")
    return path, int(line)


def encode(document: Document) -> bytes:
    """A serialized ``tf.train.Example``; equal documents give equal bytes."""
    example = Example()
    features = example.features.feature
    text = document.text.encode()
    features[TEXT].bytes_list.value.append(text)
    features[SOURCE].bytes_list.value.append(document.source.encode())
    features[DOCUMENT_ID].bytes_list.value.append(document.document_id.encode())
    features[NUM_BYTES].int64_list.value.append(len(text))
    features[NUM_WORDS].int64_list.value.append(len(document.text.split()))
    return example.SerializeToString(deterministic=True)


def decode(serialized: bytes) -> Document:
    """The inverse of `encode`."""
    features = Example.FromString(serialized).features.feature
    text, source, document_id = (
        features[name].bytes_list.value[0].decode() for name in (TEXT, SOURCE, DOCUMENT_ID)
    )
    return Document(text, source, document_id)
