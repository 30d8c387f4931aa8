r"""What is measured of a text, so that statistics say something about it.

Statistics of free text itself are noise: each document is its own most frequent value. These numbers, and
the language, are what StatisticsGen describes and the data gate compares from run to run. Shares and means
are of the whole text; the compression ratio is of at most `COMPRESSED` bytes from its middle, as it rises
with length, and to bound the cost.

Worked example: ``"To be, or not\nto be."`` has 2 lines and 6 words of 15 characters; 2 of its 20 characters
are neither letters, digits nor white space.

Cost: see the README's section on cleaning.
"""

from __future__ import annotations

import dataclasses
import re
import zlib

from components.corpus_gen.cleaning import language

COMPRESSED = 2048
"""Bytes."""
_PLAIN = re.compile(r"[^\W_]+|\s+")
_ASCII = bytes(range(128))
_NO_ASCII_SYMBOL = bytes(byte for byte in _ASCII if chr(byte).isalnum() or chr(byte).isspace()) + bytes(
    range(128, 256)
)


@dataclasses.dataclass(frozen=True)
class TextMeasures:
    """All of one text. Ratios are 0 where there is nothing to divide by."""

    num_bytes: int
    num_words: int
    """Separated by white space."""
    num_lines: int
    """Those that are not blank."""
    mean_word_length: float
    """Characters."""
    symbol_ratio: float
    """Share of characters that are neither letters, digits nor white space."""
    repetition: float
    """Share of lines that are not blank and occurred before in the text."""
    compression_ratio: float
    """Bytes to zlib's at its fastest: about 2 for prose, above 5 for boilerplate, 1 or less for noise."""
    language: str
    """ISO 639-1 code, or ``und``."""


def measure(text: str) -> TextMeasures:
    """Measures ``text``; total, for any string without surrogates."""
    encoded = text.encode()
    words = text.split()
    num_word_characters = len("".join(words))
    lines = [line for line in map(str.strip, text.split("\n")) if line]
    return TextMeasures(
        num_bytes=len(encoded),
        num_words=len(words),
        num_lines=len(lines),
        mean_word_length=num_word_characters / max(1, len(words)),
        symbol_ratio=_num_symbols(encoded) / max(1, len(text)),
        repetition=1 - len(set(lines)) / len(lines) if lines else 0.0,
        compression_ratio=_compression_ratio(encoded),
        language=language.identify(text),
    )


def _num_symbols(encoded: bytes) -> int:
    """A regular expression takes ten times as long as bytes do: so only what is not ASCII meets it."""
    others = encoded.translate(None, _ASCII).decode()
    return len(encoded.translate(None, _NO_ASCII_SYMBOL)) + len(_PLAIN.sub("", others))


def _compression_ratio(encoded: bytes) -> float:
    start = max(0, len(encoded) - COMPRESSED) // 2
    sample = encoded[start : start + COMPRESSED]
    return len(sample) / len(zlib.compress(sample, 1)) if sample else 0.0
