"""A SentencePiece model whose pieces are single characters and bytes: nothing to train, only to count.

A character with a piece becomes that piece, every other one its bytes in UTF-8; ``bytes`` has no characters
at all. So ``decode(encode(text)) == text`` for every text, and not for those of the training text's alphabet
alone: that is what the 256 pieces for bytes are kept for, which cost a small model some thousands of
parameters, while a prompt may hold anything. The models are of SentencePiece's own kind for characters, so
they run wherever the trained ones do.

In ``"abba"`` and ``"cab"`` are three ``a``, three ``b`` and one ``c``: the alphabet is ``abc``, and with room
for two pieces, or at a coverage of 0.95 if there were 20 of each ``a`` and ``b``, it is ``ab``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from components.config import TokenizerConfig
from models.features import END_ID, PAD_ID, START_ID, UNK_ID
from models.tokenizing import model_proto
from models.tokenizing.model_proto import ModelProto, add_piece
from models.tokenizing.sentence_pieces import SPACE

_NEVER_PIECES = (SPACE, "\0")


def alphabet(texts: Iterable[str], settings: TokenizerConfig) -> str:
    """The fewest characters that reach the coverage, as far as the vocabulary has room; the most frequent
    first, equally frequent ones by code point.

    Two are always bytes: U+2581, as SentencePiece decodes it to a space, and NUL, which only some of its
    releases know as a piece.
    """
    counts: Counter[str] = Counter()
    for text in texts:
        counts.update(text)
    left = sum(counts.values()) * (1 - settings.character_coverage)
    by_frequency = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    while by_frequency and by_frequency[-1][1] <= left:
        left -= by_frequency.pop()[1]
    kept = (character for character, _ in by_frequency if character not in _NEVER_PIECES)
    return "".join(kept)[: settings.vocabulary_size - settings.num_fixed_pieces]


def serialize(characters: str, settings: TokenizerConfig) -> bytes:
    """The special tokens, the 256 bytes, and ``characters``, as a model's file."""
    model = ModelProto()
    add_piece(model, settings.pad_token, model_proto.CONTROL)
    add_piece(model, "<unk>", model_proto.UNKNOWN)
    add_piece(model, settings.end_token, model_proto.CONTROL)
    if settings.start_token is not None:
        add_piece(model, settings.start_token, model_proto.CONTROL)
    for token in settings.special_tokens:
        add_piece(model, token, model_proto.USER_DEFINED)
    for value in range(256):
        add_piece(model, f"<0x{value:02X}>", model_proto.BYTE)
    for character in characters:
        add_piece(model, character, model_proto.NORMAL)
    trainer = model.trainer_spec
    trainer.model_type, trainer.vocab_size = model_proto.CHARACTERS, len(model.pieces)
    trainer.byte_fallback = True
    trainer.pad_id, trainer.unk_id, trainer.eos_id = PAD_ID, UNK_ID, END_ID
    trainer.bos_id = -1 if settings.start_token is None else START_ID
    trainer.pad_piece, trainer.eos_piece = settings.pad_token, settings.end_token
    trainer.bos_piece = settings.start_token or ""
    rules = model.normalizer_spec
    rules.name = "identity"
    rules.add_dummy_prefix = rules.remove_extra_whitespaces = rules.escape_whitespaces = False
    return bytes(model.SerializeToString(deterministic=True))
