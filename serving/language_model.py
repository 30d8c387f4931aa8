"""What a client of a Lexmill model does, whatever the protocol.

``generate`` and ``score`` turn Python values into the columns of the contract's
signatures and the answer's columns into typed results; a protocol only carries
columns. Sampling inputs are always sent, the contract's defaults included, so the
answer does not depend on what a server does about missing inputs. Stop strings are
the client's affair: the model generates on, and the text is cut before the first
one. Standard library only.
"""

from __future__ import annotations

import abc
import dataclasses
import struct
import time
from collections.abc import Mapping, Sequence
from typing import Any

from serving import contract
from serving.errors import InternalError, NotFoundError, ServingError, UnavailableError

Columns = Mapping[str, Sequence[Any]]
"""Tensor name -> one Python value per row: str, bytes, int or float."""

AVAILABLE = "AVAILABLE"

_POLL_INTERVAL_S = 0.1


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


class LanguageModel(abc.ABC):
    """A served language model. Every method raises ``serving.errors.ServingError``."""

    def generate(
        self,
        prompts: Sequence[str],
        max_new_tokens: int | None = None,
        temperature: float | None = None,
        top_k: int | None = None,
        top_p: float | None = None,
        seed: int | None = None,
        stop: Sequence[str] = (),
        timeout_s: float = 60.0,
    ) -> list[Generation]:
        """Continues each prompt; what is None takes the contract's default."""
        sampling = {
            "max_new_tokens": max_new_tokens,
            "temperature": temperature,
            "top_k": top_k,
            "top_p": top_p,
            "seed": seed,
        }
        columns: dict[str, list[Any]] = {"prompts": _texts("prompts", prompts), **_with_defaults(sampling)}
        if not prompts:
            return []
        answer = self._predict(contract.GENERATE, columns, timeout_s)
        rows = _rows(contract.GENERATE_SIGNATURE, answer, len(prompts))
        return [
            cut_at_stop(Generation(_text(text), int(num_tokens), _text(reason)), stop)
            for text, num_tokens, reason in rows
        ]

    def score(self, texts: Sequence[str], timeout_s: float = 60.0) -> list[Score]:
        """The log-probability of each text."""
        columns = {"texts": _texts("texts", texts)}
        if not texts:
            return []
        answer = self._predict(contract.SCORE, columns, timeout_s)
        return [
            Score(_single(log_probability), int(num_tokens), int(num_bytes))
            for log_probability, num_tokens, num_bytes in _rows(contract.SCORE_SIGNATURE, answer, len(texts))
        ]

    @abc.abstractmethod
    def model_status(self, timeout_s: float = 10.0) -> list[ServedVersion]:
        """Every version the server knows of, highest first."""

    def wait_until_ready(self, timeout_s: float = 60.0) -> None:
        """Returns once a version is available; UnavailableError if none is within ``timeout_s``."""
        deadline_s = time.monotonic() + timeout_s
        while True:
            found = self._readiness()
            if not found:
                return
            if time.monotonic() + _POLL_INTERVAL_S > deadline_s:
                raise UnavailableError(f"the model is not ready after {timeout_s:g} s: {found}")
            time.sleep(_POLL_INTERVAL_S)

    @abc.abstractmethod
    def _predict(self, signature_name: str, columns: Columns, timeout_s: float) -> Columns:
        """Runs a signature of the contract."""

    def _readiness(self) -> str:
        """Why no version answers; empty if one does."""
        try:
            versions = self.model_status(timeout_s=1.0)
        except NotFoundError as error:
            return str(error)
        except ServingError as error:
            if not error.retry_helps:
                raise
            return str(error)
        if any(version.state == AVAILABLE for version in versions):
            return ""
        return "; ".join(
            f"version {version.version} is {version.state} {version.error}".strip() for version in versions
        )


def cut_at_stop(generation: Generation, stop: Sequence[str]) -> Generation:
    """``generation`` up to the earliest of the stop strings: "to be or not" stopped at "or" is "to be "."""
    found = [index for text in stop if text and (index := generation.text.find(text)) >= 0]
    if not found:
        return generation
    return dataclasses.replace(
        generation, text=generation.text[: min(found)], finish_reason=contract.FINISH_STOP
    )


def _with_defaults(sampling: Mapping[str, float | None]) -> dict[str, list[float]]:
    columns = {}
    for field in contract.GENERATE_SIGNATURE.inputs:
        if field.default is not None:
            value = sampling[field.name]
            columns[field.name] = [field.default if value is None else value]
    return columns


def _texts(name: str, values: Sequence[str]) -> list[str]:
    if isinstance(values, str):
        raise TypeError(f"{name} is one string; expected a list of strings")
    return list(values)


def _rows(signature: contract.Signature, answer: Columns, num_rows: int) -> list[tuple[Any, ...]]:
    names = [field.name for field in signature.outputs]
    wrong = [name for name in names if len(answer.get(name, ())) != num_rows]
    if wrong:
        raise InternalError(
            f"the server's answer has not {num_rows} values of {', '.join(wrong)}, but {sorted(answer)}: "
            "is this a model of another contract?"
        )
    return list(zip(*(answer[name] for name in names), strict=True))


def _single(value: float) -> float:
    """The float32 that a short decimal stands for: the same number over REST as over gRPC."""
    return struct.unpack("f", struct.pack("f", value))[0]


def _text(value: str | bytes) -> str:
    return value.decode("utf-8", errors="replace") if isinstance(value, bytes) else value
