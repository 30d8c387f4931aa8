"""What the ids of a tokenizer stand for, whichever kind it is of."""

from __future__ import annotations

import dataclasses
import functools
from typing import final

import numpy as np


@final
@dataclasses.dataclass(frozen=True)
class Vocabulary:
    """Every id's text as bytes, and the ids that have a part of their own in `models.features`."""

    token_bytes: tuple[bytes, ...]
    """By id: UTF-8, perhaps a part of a character. Nothing for what no text spells: start, end, padding."""
    start_id: int
    """Stands before each document: the context of its first token."""
    end_id: int
    """Ends each document. The same as `start_id` for most tokenizers."""
    pad_id: int
    """Fills rows up; may be any id."""

    @property
    def size(self) -> int:
        return len(self.token_bytes)

    @functools.cached_property
    def byte_lengths(self) -> np.ndarray:
        """Bytes of text by id, int32 ``(size,)``."""
        return np.array([len(text) for text in self.token_bytes], np.int32)

    @functools.cached_property
    def never_generated(self) -> np.ndarray:
        """Ids, int64: those that stand for no text and do not end it."""
        silent = np.flatnonzero(self.byte_lengths == 0)
        return silent[silent != self.end_id]

    def text(self, token_ids: np.ndarray | list[int]) -> bytes:
        """The bytes that ids stand for, joined."""
        return b"".join(self.token_bytes[token_id] for token_id in token_ids)
