"""One continuation under way: what was asked for, what it has so far, who hears of it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import final

import numpy as np

from serving import contract
from serving.call import Call
from serving.engine.model import Likelihoods, Prepared
from serving.engine.text import TextStream
from serving.errors import ServingError


@dataclasses.dataclass(frozen=True)
class TokenLikelihood:
    """How likely the model found a token, and what it found likeliest, likeliest first."""

    token_id: int
    token: bytes
    log_probability: float
    """In nats, whatever the temperature."""
    alternatives: tuple[tuple[bytes, float], ...]


@dataclasses.dataclass(frozen=True)
class Delta:
    """What a continuation has gained."""

    text: str
    num_tokens: int
    """Tokens so far."""
    tokens: tuple[TokenLikelihood, ...] = ()
    """The tokens gained, if likelihoods were asked for. They may run ahead of the text, which waits for
    whole characters and possible stop strings."""
    finish_reason: str | None = None
    """``stop``, ``length`` or ``context`` in the last delta."""
    error: ServingError | None = None
    """Why the continuation ended early; then this is the last delta."""

    @property
    def is_last(self) -> bool:
        return self.finish_reason is not None or self.error is not None


Listener = Callable[[Delta], None]
"""Called from the engine's thread; must neither block nor raise."""


@final
class Continuation:
    """See the module. Belongs to the engine's thread once submitted."""

    def __init__(
        self,
        prepared: Prepared,
        context_length: int,
        listener: Listener,
        call: Call,
        stop: Sequence[str] = (),
        num_alternatives: int | None = None,
        is_watched: bool = False,
    ) -> None:
        """``num_alternatives``: None for no likelihoods, else how many besides each token's own.
        ``is_watched``: somebody reads the text as it grows."""
        self.prepared = prepared
        self.listener = listener
        self.call = call
        self.num_alternatives = num_alternatives
        self.is_watched = is_watched
        room = context_length + 1 - len(prepared.token_ids)
        self.limit = min(prepared.max_new_tokens, room)
        self._limit_reason = (
            contract.FINISH_LENGTH if prepared.max_new_tokens <= room else contract.FINISH_CONTEXT
        )
        self.num_tokens = 0
        self.last_token = int(prepared.token_ids[-1])
        self.noise: np.ndarray | None = None
        """Drawn when the sequence joins, unless it is greedy."""
        self._text = TextStream(stop)

    @property
    def position(self) -> int:
        """Where ``last_token`` stands."""
        return len(self.prepared.token_ids) - 1 + self.num_tokens

    @property
    def remaining(self) -> int:
        return self.limit - self.num_tokens

    def advance(
        self, token_ids: np.ndarray, ended: bool, token_bytes: list[bytes], likelihoods: Likelihoods | None
    ) -> bool:
        """Takes new tokens, the end token not among them, and tells the listener; true if it has ended."""
        text, taken = [], 0
        for token_id in token_ids.tolist():
            text.append(self._text.add(token_bytes[token_id]))
            taken += 1
            if self._text.stopped:
                break
        self.num_tokens += taken
        if taken:
            self.last_token = int(token_ids[taken - 1])
        reason = self._reason(ended)
        if reason:
            text.append(self._text.finish())
            if self._text.stopped:
                reason = contract.FINISH_STOP
        tokens = self._token_likelihoods(token_ids[:taken], token_bytes, likelihoods)
        if taken or reason:
            self.listener(Delta("".join(text), self.num_tokens, tokens, reason))
        return reason is not None

    def fail(self, error: ServingError) -> None:
        self.listener(Delta("", self.num_tokens, error=error))

    def _reason(self, ended: bool) -> str | None:
        if ended or self._text.stopped:
            return contract.FINISH_STOP
        return self._limit_reason if self.remaining <= 0 else None

    def _token_likelihoods(
        self, token_ids: np.ndarray, token_bytes: list[bytes], likelihoods: Likelihoods | None
    ) -> tuple[TokenLikelihood, ...]:
        if likelihoods is None or self.num_alternatives is None:
            return ()
        return token_likelihoods(token_ids, likelihoods, token_bytes, self.num_alternatives)


def token_likelihoods(
    token_ids: np.ndarray, likelihoods: Likelihoods, token_bytes: list[bytes], num_alternatives: int
) -> tuple[TokenLikelihood, ...]:
    """One value a token, from arrays whose first axis is the token."""
    return tuple(
        TokenLikelihood(
            token_id=int(token_id),
            token=token_bytes[token_id],
            log_probability=float(likelihoods.log_probabilities[index]),
            alternatives=tuple(
                (token_bytes[other], float(value))
                for other, value in zip(
                    likelihoods.alternatives[index, :num_alternatives],
                    likelihoods.alternative_log_probabilities[index, :num_alternatives],
                    strict=True,
                )
            ),
        )
        for index, token_id in enumerate(token_ids)
    )
