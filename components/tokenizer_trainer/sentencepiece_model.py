"""A trained tokenizer in Python: text to ids, ids to text, and how many bytes an id stands for.

Only sentencepiece and numpy, for Beam workers. The same model runs in TensorFlow graphs
through tensorflow-text and gives the same ids there.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Sequence
from typing import final

import numpy as np
import sentencepiece

from components.protos import BYTE_PIECE, NORMAL_PIECE, ModelProto


@final
@dataclasses.dataclass(frozen=True)
class SentencePieceModel:
    """``decode(encode(text)) == text`` for every text, see `training`."""

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
        return np.asarray(self._processor.encode(text), dtype=np.int32)

    def decode(self, token_ids: Sequence[int] | np.ndarray) -> str:
        """The text; special tokens give nothing."""
        return str(self._processor.decode([int(token_id) for token_id in token_ids]))

    @functools.cached_property
    def byte_lengths(self) -> np.ndarray:
        """UTF-8 bytes of text by token id, int32 ``(vocabulary_size,)``.

        A special token 0, a byte 1, a piece its surface: ``"the" -> 3``, ``" été" -> 6``. Over a
        text's ids they sum to the text's bytes.
        """
        return np.array([_byte_length(piece) for piece in ModelProto.FromString(self.proto).pieces], np.int32)

    def __getstate__(self) -> dict[str, bytes]:
        return {"proto": self.proto}


def _byte_length(piece: ModelProto.SentencePiece) -> int:
    if piece.type == NORMAL_PIECE:
        return len(piece.piece.encode())
    return 1 if piece.type == BYTE_PIECE else 0
