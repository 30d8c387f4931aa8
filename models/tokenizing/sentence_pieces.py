"""A SentencePiece model in Python: text to ids, and what an id stands for.

Only sentencepiece and numpy, for Beam workers. The same model runs in TensorFlow graphs
through tensorflow-text and gives the same ids there.

A model that Lexmill trains rewrites nothing, so ``decode(encode(text)) == text`` for every text.
One that comes with a preset may: Llama's puts a space before the text, others normalise it or have an
unknown token; then decoding gives what the model makes of the text.
"""

from __future__ import annotations

import dataclasses
import functools
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any, final

import numpy as np
import sentencepiece

from models.errors import PresetError
from models.tokenizing import chunks, known_words, model_proto, special_tokens
from models.tokenizing.known_words import KnownWords
from models.tokenizing.model_proto import USER_DEFINED, ModelProto
from models.tokenizing.vocabulary import Vocabulary

SPACE = "\u2581"
"""How a model that escapes whitespace writes a space."""
_MERGED = (model_proto.NORMAL, model_proto.USER_DEFINED, model_proto.UNUSED)
"""Pieces that stand for their own text."""


@final
@dataclasses.dataclass(frozen=True)
class SentencePieceModel:
    """Pieces by SentencePiece, of whichever algorithm."""

    proto: bytes
    """The serialized model; all that is pickled."""

    @functools.cached_property
    def _processor(self) -> sentencepiece.SentencePieceProcessor:
        sentencepiece.SetMinLogLevel(1)  # else it logs that there is no normalisation
        return sentencepiece.SentencePieceProcessor(model_proto=self.proto)

    @property
    def vocabulary_size(self) -> int:
        return int(self._processor.get_piece_size())

    @functools.cached_property
    def special_tokens(self) -> dict[str, int]:
        """Texts that are always one token, and their ids. Empty for a model that rewrites text, as that of a
        preset: there SentencePiece itself sees to them."""
        if self._escapes_whitespace():
            return {}
        pieces = enumerate(self._message.pieces)
        return {piece.piece: index for index, piece in pieces if piece.type == USER_DEFINED}

    @functools.cached_property
    def in_chunks(self) -> bool:
        """Whether the text between special tokens is encoded a chunk at a time: `chunks`."""
        kind = self._message.trainer_spec.model_type or model_proto.UNIGRAM
        return kind == model_proto.UNIGRAM and not self._escapes_whitespace()

    @property
    def _message(self) -> Any:
        return ModelProto.FromString(self.proto)

    @functools.cached_property
    def _special_pattern(self) -> re.Pattern[str]:
        return special_tokens.for_python(self.special_tokens)

    def encode(self, text: str) -> np.ndarray:
        """Token ids, int32 ``(tokens,)``; never those of start, end and padding, whatever the text spells."""
        return self._joined(text, self._encode)

    def encode_many(self, texts: Sequence[str]) -> list[np.ndarray]:
        """The ids of each text, as of `encode`; some megabytes at a time are much faster than one by one."""
        are_few = sum(map(len, texts)) < known_words.MIN_CHARACTERS
        words = None if are_few else self._known_words
        if words is None:
            return [self.encode(text) for text in texts]
        if not self.special_tokens:
            return words.ids([text.encode() for text in texts])
        plain = [part for text in texts for part, is_special in self._parts(text) if not is_special]
        encoded = iter(words.ids([part.encode() for part in plain]))
        return [self._joined(text, lambda _: next(encoded)) for text in texts]

    def _joined(self, text: str, encode: Callable[[str], np.ndarray]) -> np.ndarray:
        """The ids of special tokens and those that ``encode`` gives to what is between them, in order."""
        ids = self.special_tokens
        if not ids:
            return encode(text)
        found = [
            np.array([ids[part]], np.int32) if is_special else encode(part)
            for part, is_special in self._parts(text)
        ]
        return np.concatenate([np.array([], np.int32), *found])

    def _parts(self, text: str) -> Iterator[tuple[str, bool]]:
        return special_tokens.cut(text, self._special_pattern)

    def _encode(self, text: str) -> np.ndarray:
        if self.in_chunks:
            encoded = [self._processor.encode_as_numpy(chunk) for chunk in chunks.cut(text)]
            return np.concatenate(encoded, dtype=np.int32)
        return np.asarray(self._processor.encode_as_numpy(text), dtype=np.int32)

    @functools.cached_property
    def _known_words(self) -> KnownWords | None:
        """None unless this is a byte-pair model that rewrites nothing."""
        if not self._is_plain_byte_pairs():
            return None
        pieces = (piece.piece for piece in self._message.pieces if piece.type in _MERGED)
        return KnownWords(pieces, self._encode)

    def _is_plain_byte_pairs(self) -> bool:
        """Whether the model merges pairs, and encodes the very characters of a text, each one: without byte
        fallback, unknown characters in a row are one token."""
        message = self._message
        normalizer = message.normalizer_spec
        switches = ("add_dummy_prefix", "remove_extra_whitespaces", "escape_whitespaces")
        return (
            message.trainer_spec.model_type == model_proto.BYTE_PAIRS
            and message.trainer_spec.byte_fallback
            and normalizer.name == "identity"
            and all(normalizer.HasField(name) and not getattr(normalizer, name) for name in switches)
        )

    def decode(self, token_ids: Sequence[int] | np.ndarray) -> str:
        """The text; start, end and padding give nothing."""
        return str(self._processor.decode([int(token_id) for token_id in token_ids]))

    @property
    def byte_lengths(self) -> np.ndarray:
        """UTF-8 bytes of text by token id, int32 ``(vocabulary_size,)``.

        A special token 0, a byte 1, a piece its surface: ``"the" -> 3``, ``" été" -> 6``. Over a
        text's ids they sum to the text's bytes, where the model rewrites nothing.
        """
        return self.vocabulary.byte_lengths

    @functools.cached_property
    def vocabulary(self) -> Vocabulary:
        model = self._processor
        end = model.eos_id()
        start = model.bos_id() if model.bos_id() >= 0 else end
        pad = model.pad_id() if model.pad_id() >= 0 else end
        escapes = self._escapes_whitespace()
        texts = tuple(self._token_bytes(index, escapes) for index in range(self.vocabulary_size))
        return Vocabulary(texts, start_id=start, end_id=end, pad_id=pad)

    def _token_bytes(self, index: int, escapes: bool) -> bytes:
        model = self._processor
        if model.is_control(index) or model.is_unknown(index) or model.is_unused(index):
            return b""
        piece = model.id_to_piece(index)
        if model.is_byte(index):
            return bytes([int(piece[3:5], 16)])
        return (piece.replace(SPACE, " ") if escapes else piece).encode()

    def _escapes_whitespace(self) -> bool:
        """Whether pieces write a space as U+2581: then the text ``"a a"`` is normalised to ``"a▁a"``."""
        return SPACE in str(self._processor.normalize("a a"))

    def __getstate__(self) -> dict[str, bytes]:
        return {"proto": self.proto}


def with_special_pieces(proto: bytes, start: str | None, end: str, pad: str | None) -> bytes:
    """``proto`` with its start, end and padding pieces named; None where there is none.

    Raises:
      PresetError: a piece is not a special one of the model.
    """
    names = [name for name in (start, end, pad) if name]
    model = SentencePieceModel(proto)._processor
    for name in names:
        index = model.piece_to_id(name)
        if not model.is_control(index) and not (name == pad and model.is_unknown(index)):
            raise PresetError(f"its SentencePiece model has no special piece {name!r}")
    edited = ModelProto.FromString(proto)
    trainer = edited.trainer_spec
    trainer.bos_piece, trainer.eos_piece, trainer.pad_piece = start or "", end, pad or ""
    return bytes(edited.SerializeToString(deterministic=True))
