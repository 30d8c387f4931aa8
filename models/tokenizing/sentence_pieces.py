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
from collections.abc import Iterator, Sequence
from typing import final

import numpy as np
import sentencepiece

from models.errors import PresetError
from models.tokenizing import known_words
from models.tokenizing.known_words import KnownWords
from models.tokenizing.vocabulary import Vocabulary

_TRAINER_SPEC, _NORMALIZER_SPEC = 2, 3
"""Field numbers in sentencepiece_model.proto; so are those below."""
_MODEL_TYPE, _BOS_PIECE, _EOS_PIECE, _PAD_PIECE = 3, 46, 47, 48
_NORMALIZATION, _CHARACTERS, _ADD_PREFIX, _REMOVE_SPACES, _ESCAPE_SPACES = 1, 2, 3, 4, 5
_BYTE_PAIRS = 2
"""The model type."""
SPACE = "\u2581"
"""How a model that escapes whitespace writes a space."""


@final
@dataclasses.dataclass(frozen=True)
class SentencePieceModel:
    """Pieces by SentencePiece, BPE or unigram."""

    proto: bytes
    """The serialized model; all that is pickled."""

    @functools.cached_property
    def _processor(self) -> sentencepiece.SentencePieceProcessor:
        sentencepiece.SetMinLogLevel(1)  # else it logs that there is no normalisation
        return sentencepiece.SentencePieceProcessor(model_proto=self.proto)

    @property
    def vocabulary_size(self) -> int:
        return int(self._processor.get_piece_size())

    def encode(self, text: str) -> np.ndarray:
        """Token ids, int32 ``(tokens,)``; never a special token's, whatever the text spells."""
        if self._known_words is not None:
            return self._known_words.ids(text)
        return np.asarray(self._processor.encode(text), dtype=np.int32)

    def _encode_many(self, texts: Sequence[str]) -> list[list[int]]:
        # On this thread: threads of its own cost it more to start than a few words take.
        return list(self._processor.encode(texts, num_threads=1))

    @functools.cached_property
    def _known_words(self) -> KnownWords | None:
        """None unless this is a byte-pair model that rewrites nothing, of whose pieces none is too wide."""
        if not _is_plain_byte_pairs(self.proto):
            return None
        model = self._processor
        pieces = [
            model.id_to_piece(index)
            for index in range(model.get_piece_size())
            if not (model.is_byte(index) or model.is_control(index) or model.is_unknown(index))
        ]
        cut = known_words.cut_for(pieces)
        return None if cut is None else KnownWords(cut, self._encode_many)

    def decode(self, token_ids: Sequence[int] | np.ndarray) -> str:
        """The text; special tokens give nothing."""
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

    Protocol messages merge when they are put one after the other, and the last value of a field holds.

    Raises:
      PresetError: a piece is not a special one of the model.
    """
    names = [name for name in (start, end, pad) if name]
    model = SentencePieceModel(proto)._processor
    for name in names:
        index = model.piece_to_id(name)
        if not model.is_control(index) and not (name == pad and model.is_unknown(index)):
            raise PresetError(f"its SentencePiece model has no special piece {name!r}")
    fields = {_BOS_PIECE: start or "", _EOS_PIECE: end, _PAD_PIECE: pad or ""}
    trainer = b"".join(_text_field(number, value) for number, value in fields.items())
    return proto + _bytes_field(_TRAINER_SPEC, trainer)


def _is_plain_byte_pairs(proto: bytes) -> bool:
    """Whether the model merges pairs, and encodes the very characters of a text: the values that are not
    those of sentencepiece_model.proto by default."""
    specs: dict[int, dict[int, int | bytes]] = {_TRAINER_SPEC: {}, _NORMALIZER_SPEC: {}}
    for number, value in _fields(proto):
        if number in specs and isinstance(value, bytes):
            specs[number].update(_fields(value))
    normalizer = specs[_NORMALIZER_SPEC]
    switches = (_ADD_PREFIX, _REMOVE_SPACES, _ESCAPE_SPACES)
    return (
        specs[_TRAINER_SPEC].get(_MODEL_TYPE) == _BYTE_PAIRS
        and normalizer.get(_NORMALIZATION) == b"identity"
        and not normalizer.get(_CHARACTERS)
        and all(normalizer.get(switch) == 0 for switch in switches)
    )


def _fields(message: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Number and value of each field of a protocol message: an integer, or bytes."""
    at = 0
    while at < len(message):
        tag, at = _read_varint(message, at)
        kind = tag & 7
        if kind == 0:
            value, at = _read_varint(message, at)
            yield tag >> 3, value
            continue
        length = {1: 8, 5: 4}.get(kind)
        if length is None:
            length, at = _read_varint(message, at)
        yield tag >> 3, message[at : at + length]
        at += length


def _read_varint(message: bytes, at: int) -> tuple[int, int]:
    """The value, and where it ends."""
    value = shift = 0
    while True:
        byte = message[at]
        at += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return value, at


def _text_field(number: int, value: str) -> bytes:
    return _bytes_field(number, value.encode())


def _bytes_field(number: int, value: bytes) -> bytes:
    """A length-delimited field of a protocol message (wire type 2)."""
    return _varint(number << 3 | 2) + _varint(len(value)) + value


def _varint(value: int) -> bytes:
    parts = []
    while value > 0x7F:
        parts.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*parts, value])
