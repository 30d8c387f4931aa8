"""The document: what CorpusGen writes, and every later data stage reads.

One ``tf.train.Example`` a document. Its text is valid UTF-8; what it measures (`MEASURES`) is for
StatisticsGen, ExampleValidator and the data gate, which cannot look into free text.

A document of prompt-completion data is its prompt followed by its completion, with nothing
between them that is not in the data; `NUM_PROMPT_BYTES` says where the one ends.
"""

from __future__ import annotations

import dataclasses

from components import text_measures
from components.protos import Example
from models.features import NUM_BYTES, SOURCE

TEXT = "text"
DOCUMENT_ID = "document_id"
NUM_WORDS = "num_words"
NUM_PROMPT_BYTES = "num_prompt_bytes"
NUM_MASKED = "num_masked"
NUM_LINES = "num_lines"
MEAN_WORD_LENGTH = "mean_word_length"
SYMBOL_RATIO = "symbol_ratio"
REPETITION = "repetition"
COMPRESSION_RATIO = "compression_ratio"
LANGUAGE = "language"

FEATURES = {
    TEXT: "UTF-8 text of the document",
    SOURCE: "name of the configured source",
    DOCUMENT_ID: "where it came from: '<path below the corpus folder>#<line it starts on, from 1>'",
    NUM_BYTES: "bytes of the text",
    NUM_WORDS: "white-space separated words of the text",
    NUM_PROMPT_BYTES: "bytes at the text's start that are a prompt; 0 where all of it is to be learnt",
    NUM_MASKED: "e-mail addresses, IP addresses, phone numbers and secrets that were masked",
    NUM_LINES: "lines that are not blank",
    MEAN_WORD_LENGTH: "characters of a white-space separated word",
    SYMBOL_RATIO: "share of characters that are neither letters, digits nor white space",
    REPETITION: "share of lines that occurred before in the text",
    COMPRESSION_RATIO: f"bytes to zlib's, of {text_measures.COMPRESSED:,} bytes from the text's middle",
    LANGUAGE: "ISO 639-1 code of the language that the text looks like, or und",
}
"""Feature name -> meaning. Those named ``num_…`` are int64, `RATIOS` float, the others bytes."""
RATIOS = (MEAN_WORD_LENGTH, SYMBOL_RATIO, REPETITION, COMPRESSION_RATIO)
MEASURES = tuple(name for name in FEATURES if name not in (TEXT, DOCUMENT_ID))
"""What statistics are made of: neither the text nor the id, as no two documents share those."""


@dataclasses.dataclass(frozen=True)
class Document:
    """One text and where it came from."""

    text: str
    source: str
    document_id: str
    num_prompt_bytes: int = 0
    num_masked: int = 0
    language: str = dataclasses.field(default="", compare=False)
    """Of a document that was decoded: as it was measured when it was encoded."""

    def split_prompt(self) -> tuple[str, str]:
        """Prompt and completion; the prompt is empty where the document has none."""
        if not self.num_prompt_bytes:
            return "", self.text
        text = self.text.encode()
        return text[: self.num_prompt_bytes].decode(), text[self.num_prompt_bytes :].decode()


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
    features[NUM_PROMPT_BYTES].int64_list.value.append(document.num_prompt_bytes)
    features[NUM_MASKED].int64_list.value.append(document.num_masked)
    measures = text_measures.measure(document.text)
    features[LANGUAGE].bytes_list.value.append(measures.language.encode())
    for name in (NUM_BYTES, NUM_WORDS, NUM_LINES):
        features[name].int64_list.value.append(getattr(measures, name))
    for name in RATIOS:
        features[name].float_list.value.append(getattr(measures, name))
    return example.SerializeToString(deterministic=True)


def decode(serialized: bytes) -> Document:
    """The inverse of `encode`."""
    features = Example.FromString(serialized).features.feature
    text, source, document_id, language = (
        features[name].bytes_list.value[0].decode() for name in (TEXT, SOURCE, DOCUMENT_ID, LANGUAGE)
    )
    num_prompt_bytes, num_masked = (
        features[name].int64_list.value[0] for name in (NUM_PROMPT_BYTES, NUM_MASKED)
    )
    return Document(text, source, document_id, num_prompt_bytes, num_masked, language)
