"""A SavedModel as an evaluation asks it: token ids in NumPy, many rows at once.

All through the functions that lie beside the signatures (`serving.contract`, step by step), so any exported
model will do, of whatever family, and what is measured is what is served.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf
import tensorflow_text  # noqa: F401  (its ops are in the graph)

from components.errors import StageError
from serving import contract
from serving.engine.model import Cache, Steps, StepwiseModel, is_stepwise
from serving.engine.text import text_of

_ANCHOR = "\n"
_MAX_BYTES = 400_000_000
"""Of what a batch holds at once: caches, attention and logits."""
_MAX_ROWS = 128
_HEADS = 16
"""Taken for granted where memory is estimated, as a graph does not say."""


class LanguageModel:
    """One loaded SavedModel."""

    def __init__(self, saved_model: str) -> None:
        """Args:
          saved_model: its folder.

        Raises:
          StageError: it is of an older version of Lexmill, or none of Lexmill's.
        """
        # Kept: functions do not keep their variables.
        self._loaded = tf.saved_model.load(saved_model)
        functions = getattr(self._loaded, contract.STEPWISE, None)
        missing = [name for name in contract.EVALUATION_FUNCTIONS if not hasattr(functions, name)]
        if missing or not is_stepwise(self._loaded):
            raise StageError(
                f"{saved_model}: no function {' and '.join(missing) or contract.STEPWISE!r}, with which "
                "tasks are asked: another version of Lexmill exported this model: train or export it again"
            )
        self._stepwise = StepwiseModel(self._loaded)
        self._encode, self._weigh, self._read = (
            getattr(functions, name).concrete_functions[0] for name in ("encode", "weigh", "read")
        )
        self.context_length = self._stepwise.context_length
        self.end_id = self._stepwise.end_id
        self._has_prefix_space = self.text_of(self.encode(["a"])[0]).startswith(" ")

    def encode(self, texts: Sequence[str]) -> list[np.ndarray]:
        """int32 ``(tokens,)`` each, the token that starts a text first."""
        if not texts:
            return []
        outputs = self._encode(tf.constant([text.encode() for text in texts]))
        token_ids, lengths = outputs["token_ids"].numpy(), outputs["lengths"].numpy()
        return [ids[:length] for ids, length in zip(token_ids, lengths, strict=True)]

    def encode_continuations(self, texts: Sequence[str]) -> list[np.ndarray]:
        """int32 ``(tokens,)`` each, without the token that starts a text.

        Prompt and continuation are encoded apart, as the packer does where it knows a prompt, and as
        generation has it. A tokenizer that puts a space before every text is shown a line end before it.
        """
        anchor = _ANCHOR if self._has_prefix_space else ""
        skipped = len(self.encode([anchor])[0])
        return [ids[skipped:] for ids in self.encode([anchor + text for text in texts])]

    def text_of(self, token_ids: Sequence[int] | np.ndarray) -> str:
        return text_of([self._stepwise.token_bytes[index] for index in token_ids])

    def max_rows(self, room: int, width: int, num_weighed: int) -> int:
        """How many rows fit in memory: with caches of ``room`` tokens, ``width`` of which are read at once,
        and logits of ``num_weighed``."""
        cache = 4 * int(np.prod(self.empty_cache(1, room).shape))
        attention = 4 * _HEADS * width * room
        logits = 3 * 4 * num_weighed * self._stepwise.vocabulary_size
        return max(1, min(_MAX_ROWS, _MAX_BYTES // (2 * cache + attention + logits)))

    def whole_room(self, num_tokens: int) -> int:
        return self._stepwise.whole_room(num_tokens)

    def empty_cache(self, num_rows: int, room: int) -> Cache:
        return self._stepwise.empty_cache(num_rows, room)

    def resized(self, cache: Cache, rows: np.ndarray, room: int) -> Cache:
        """A copy of the given rows."""
        return self._stepwise.resized(cache, rows.astype(np.int32), room)

    def read(self, rows: Sequence[np.ndarray], cache: Cache, positions: np.ndarray) -> Cache:
        """Reads each row's tokens, from its position on; a row may have none."""
        token_ids, counts = _padded(rows)
        if not token_ids.shape[1]:
            return cache
        return self._read(*_tensors(token_ids), cache, *_tensors(positions, counts))

    def weigh(
        self, rows: Sequence[np.ndarray], cache: Cache, positions: np.ndarray
    ) -> list[tuple[np.ndarray, np.ndarray]]:
        """Of each row's tokens but the first: log-probabilities in nats, and which are the likeliest."""
        token_ids, counts = _padded(rows)
        outputs = self._weigh(*_tensors(token_ids), cache, *_tensors(positions, counts - 1))
        log_probabilities = outputs["log_probabilities"].numpy()
        is_likeliest = outputs["likeliest"].numpy() == token_ids[:, 1:]
        return [
            (log_probabilities[index, : count - 1], is_likeliest[index, : count - 1])
            for index, count in enumerate(counts)
        ]

    def decode(
        self, cache: Cache, last_tokens: np.ndarray, positions: np.ndarray, limits: np.ndarray, num_steps: int
    ) -> tuple[Cache, Steps]:
        """Greedy steps."""
        size = len(last_tokens)
        last_tokens, positions, limits = (
            values.astype(np.int32) for values in (last_tokens, positions, limits)
        )
        uniform, temperature = np.zeros((size, num_steps), np.float32), np.zeros(size, np.float32)
        top_k, top_p = np.zeros(size, np.int32), np.ones(size, np.float32)
        return self._stepwise.decode(
            cache, last_tokens, positions, limits, uniform, temperature, top_k, top_p, with_likelihoods=False
        )


def _padded(rows: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """int32 ``(rows, width)``, filled up with zeros, and how many of each row are its own."""
    counts = np.array([len(row) for row in rows], np.int32)
    token_ids = np.zeros((len(rows), int(counts.max(initial=0))), np.int32)
    for index, row in enumerate(rows):
        token_ids[index, : len(row)] = row
    return token_ids, counts


def _tensors(*values: np.ndarray) -> list[Any]:
    return [tf.constant(value, tf.int32) for value in values]
