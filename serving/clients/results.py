"""What a client's methods give back."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from serving import contract

AVAILABLE = "AVAILABLE"


@dataclasses.dataclass(frozen=True)
class Generation:
    """A continuation of one prompt."""

    text: str
    """Without the prompt, and cut before the first stop string."""
    num_tokens: int
    """Tokens the model generated, those behind a stop string included."""
    finish_reason: str
    """``stop``, ``length`` or ``context``, as in the contract."""


@dataclasses.dataclass(frozen=True)
class Chunk:
    """What a continuation has gained since the chunk before."""

    text: str
    """May be empty, while the model is in the middle of a character or of what may be a stop string."""
    num_tokens: int
    """Tokens so far."""
    finish_reason: str | None = None
    """``stop``, ``length`` or ``context`` in the last chunk, else None."""
    version: int | None = None
    """The version that answered, in the last chunk."""


@dataclasses.dataclass(frozen=True)
class Score:
    """How likely the model finds one text."""

    log_probability: float
    """In nats, summed over the text's tokens."""
    num_tokens: int
    num_bytes: int


@dataclasses.dataclass(frozen=True)
class ServedVersion:
    """A version of the model as its server reports it."""

    version: int
    state: str
    """START, LOADING, AVAILABLE, UNLOADING or END."""
    error: str
    """Why it could not be loaded; empty if nothing went wrong."""


def cut_at_stop(generation: Generation, stop: Sequence[str]) -> Generation:
    """``generation`` up to the earliest of the stop strings: "to be or not" stopped at "or" is "to be "."""
    found = [index for text in stop if text and (index := generation.text.find(text)) >= 0]
    if not found:
        return generation
    return dataclasses.replace(
        generation, text=generation.text[: min(found)], finish_reason=contract.FINISH_STOP
    )
