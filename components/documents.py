"""The document: what CorpusGen writes, and every later data stage reads.

One ``tf.train.Example`` a document. Its text is valid UTF-8 and is kept to the
byte; what it measures (`NUM_BYTES`, `NUM_WORDS`) is for StatisticsGen and
ExampleValidator, which cannot look into free text.
"""

from __future__ import annotations

import dataclasses

from models.features import NUM_BYTES, SOURCE

TEXT = "text"
DOCUMENT_ID = "document_id"
NUM_WORDS = "num_words"

FEATURES = {
    TEXT: "UTF-8 text of the document",
    SOURCE: "name of the configured source",
    DOCUMENT_ID: "where it came from: '<path below the corpus folder>#<position in that file>'",
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
