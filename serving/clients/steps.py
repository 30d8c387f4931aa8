"""What a client's methods do, step by step, without doing it.

Each function is a generator: it yields what is to be done, a request to send or a wait, is sent
the answer or thrown the ServingError that came instead, and returns the method's result. A driver
that blocks makes of it a method, one that awaits makes an asynchronous one
(`serving.clients.language_model`), and both do the same. Sampling inputs are always sent, the
contract's defaults included, so the answer does not depend on what a server does about missing
inputs. In ``generate`` stop strings are the client's affair: the model generates on, and the text
is cut before the first one.
"""

from __future__ import annotations

import dataclasses
import random
import struct
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from typing import Any, TypeVar

from serving import contract
from serving.clients.requests import Chat, Columns, Predict, Request, Signatures, Status, Stream
from serving.clients.results import AVAILABLE, Generation, Score, ServedVersion, cut_at_stop
from serving.clients.retries import Retries
from serving.errors import DeadlineExceededError, InternalError, NotFoundError, ServingError, UnavailableError

_POLL_INTERVAL_S = 0.1
_POLL_TIMEOUT_S = 1.0
_YEAR_S = 3.2e7

Result = TypeVar("Result")


@dataclasses.dataclass(frozen=True)
class Send:
    """A request to send, once."""

    request: Request
    timeout_s: float


@dataclasses.dataclass(frozen=True)
class Wait:
    """Time to let pass."""

    seconds: float


Step = Send | Wait
Steps = Generator[Step, Any, Result]

Sampling = Mapping[str, Any]
"""Sampling inputs of the generate signature: a number, one for each prompt, or None for the default."""


@dataclasses.dataclass(frozen=True)
class Conduct:
    """How a client goes about its requests."""

    retries: Retries
    now: Callable[[], float] = time.monotonic
    chance: Callable[[], float] = random.random

    def left_s(self, deadline_s: float) -> float:
        """The time to the deadline, at least 0, and no longer than sockets can count."""
        return min(max(0.0, deadline_s - self.now()), _YEAR_S)

    def sent(self, request: Request, timeout_s: float) -> Steps[Any]:
        """The answer to a request, sent again where that helps, all within ``timeout_s``."""
        if timeout_s <= 0.0:
            raise DeadlineExceededError(f"timeout_s is {timeout_s:g}: allow it some time")
        deadline_s = self.now() + timeout_s
        num_tries = 0
        while True:
            try:
                return (yield Send(request, self.left_s(deadline_s)))
            except ServingError as error:
                num_tries += 1
                wait_s = self.retries.wait_s(num_tries, error, self.chance())
                if wait_s is None or self.now() + wait_s >= deadline_s:
                    raise
            yield Wait(wait_s)

    def generated(
        self, prompts: Sequence[str], sampling: Sampling, stop: Sequence[str], timeout_s: float
    ) -> Steps[list[Generation]]:
        """A continuation of each prompt."""
        columns: Columns = {"prompts": _texts("prompts", prompts), **_columns(sampling, len(prompts))}
        stop = _texts("stop", stop)
        if not prompts:
            return []
        answer = yield from self.sent(Predict(contract.GENERATE, columns), timeout_s)
        rows = _rows(contract.GENERATE_SIGNATURE, answer, len(prompts))
        return [
            cut_at_stop(Generation(_text(text), int(num_tokens), _text(reason)), stop)
            for text, num_tokens, reason in rows
        ]

    def scored(self, texts: Sequence[str], timeout_s: float) -> Steps[list[Score]]:
        """The log-probability of each text."""
        columns = {"texts": _texts("texts", texts)}
        if not texts:
            return []
        answer = yield from self.sent(Predict(contract.SCORE, columns), timeout_s)
        return [
            Score(_single(log_probability), int(num_tokens), int(num_bytes))
            for log_probability, num_tokens, num_bytes in _rows(contract.SCORE_SIGNATURE, answer, len(texts))
        ]

    def opened(self, prompt: str, sampling: Sampling, stop: Sequence[str], timeout_s: float) -> Steps[Any]:
        """The open stream of a prompt's continuation."""
        request = Stream(prompt, _given(sampling), tuple(_texts("stop", stop)))
        return (yield from self.sent(request, timeout_s))

    def chatted(
        self, messages: Sequence[Mapping[str, str]], sampling: Sampling, stop: Sequence[str], timeout_s: float
    ) -> Steps[Generation]:
        """The next message of a conversation."""
        request = Chat(tuple(messages), _given(sampling), tuple(_texts("stop", stop)))
        return (yield from self.sent(request, timeout_s))

    def statuses(self, timeout_s: float) -> Steps[list[ServedVersion]]:
        """Every version that the server knows of."""
        return (yield from self.sent(Status(), timeout_s))

    def described(self, timeout_s: float) -> Steps[dict[str, dict[str, Any]]]:
        """The model's signatures."""
        return (yield from self.sent(Signatures(), timeout_s))

    def ready(self, timeout_s: float) -> Steps[None]:
        """Ends once a version is available; UnavailableError if none is within ``timeout_s``."""
        deadline_s = self.now() + timeout_s
        while True:
            found = yield from _readiness(min(_POLL_TIMEOUT_S, timeout_s))
            if not found:
                return
            if self.now() + _POLL_INTERVAL_S > deadline_s:
                raise UnavailableError(f"the model is not ready after {timeout_s:g} s: {found}")
            yield Wait(_POLL_INTERVAL_S)


def _readiness(timeout_s: float) -> Steps[str]:
    """Why no version answers; empty if one does."""
    try:
        versions = yield Send(Status(), timeout_s)
    except NotFoundError as error:
        return str(error)
    except ServingError as error:
        if not error.retry_helps:
            raise
        return str(error)
    if any(version.state == AVAILABLE for version in versions):
        return ""
    states = [f"version {version.version} is {version.state} {version.error}".strip() for version in versions]
    return "; ".join(states) or "the server has no version of it yet"


def _columns(sampling: Sampling, num_prompts: int) -> dict[str, list[Any]]:
    columns: dict[str, list[Any]] = {}
    for field in contract.GENERATE_SIGNATURE.inputs:
        if field.default is None:
            continue
        value = sampling[field.name]
        values = list(value) if isinstance(value, Sequence) else [field.default if value is None else value]
        if len(values) not in (1, num_prompts):
            raise ValueError(
                f"{field.name} has {len(values)} values for {num_prompts} prompts: give one, or one for each"
            )
        # One a row even where they are the same: TensorFlow Serving's batching takes nothing else.
        columns[field.name] = values if len(values) == num_prompts else values * num_prompts
    return columns


def _given(sampling: Sampling) -> dict[str, float]:
    """The value of each sampling input, by its default where it is left out."""
    return {name: values[0] for name, values in _columns(sampling, 1).items()}


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
