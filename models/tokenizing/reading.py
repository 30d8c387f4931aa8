"""A tokenizer's file, read: the one content of a ``Tokenizer`` artifact, of either kind."""

from __future__ import annotations

from typing import TypeAlias

from models.tokenizing.byte_pairs import BytePairModel
from models.tokenizing.sentence_pieces import SentencePieceModel

TextTokenizer: TypeAlias = "SentencePieceModel | BytePairModel"
"""Encodes text, and has a `vocabulary`."""


def read(content: bytes) -> TextTokenizer:
    """JSON is a byte-pair tokenizer (`byte_pairs.serialize`), anything else a serialized SentencePiece
    model; such a message never begins with a brace."""
    return BytePairModel(content) if content.startswith(b"{") else SentencePieceModel(content)
