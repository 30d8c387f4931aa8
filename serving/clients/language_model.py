"""A served language model as an object whose methods block.

What the methods do is in `serving.clients.steps`; here each step is carried out, by a transport
that sends one request. Methods raise ``serving.errors.ServingError``.
"""

from __future__ import annotations

import abc
import contextlib
import functools
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from types import TracebackType
from typing import Any, Protocol, TypeVar

from serving.clients.events import ChunkReader
from serving.clients.requests import Request
from serving.clients.results import Chunk, Generation, Score, ServedVersion
from serving.clients.retries import Retries
from serving.clients.steps import Conduct, Send, Step, Steps
from serving.errors import ServingError

Result = TypeVar("Result")
SyncSelf = TypeVar("SyncSelf", bound="LanguageModel")

TIMEOUT_S = 60.0


class ByteStream(Protocol):
    """The body of an answer under way."""

    def read(self, timeout_s: float) -> bytes:
        """The next bytes; none at the end."""

    def close(self) -> None:
        """Ends the connection, whatever is still to come."""


class LanguageModel(abc.ABC):
    """A language model whose methods block. May be used from several threads at once."""

    def __init__(self, retries: Retries = Retries()) -> None:  # noqa: B008
        self._conduct = Conduct(retries)
        self._sleep: Callable[[float], None] = time.sleep

    def generate(
        self,
        prompts: Sequence[str],
        max_new_tokens: int | None = None,
        temperature: float | None = None,
        top_k: int | None = None,
        top_p: float | None = None,
        seed: int | Sequence[int] | None = None,
        stop: Sequence[str] = (),
        timeout_s: float = TIMEOUT_S,
    ) -> list[Generation]:
        """Continues each prompt; what is None takes the contract's default. ``seed`` may be one for each."""
        sampling = sampling_inputs(max_new_tokens, temperature, top_k, top_p, seed)
        return self._run(self._conduct.generated(prompts, sampling, stop, timeout_s))

    def stream(
        self,
        prompt: str,
        max_new_tokens: int | None = None,
        temperature: float | None = None,
        top_k: int | None = None,
        top_p: float | None = None,
        seed: int | None = None,
        stop: Sequence[str] = (),
        timeout_s: float = TIMEOUT_S,
    ) -> Generator[Chunk, None, None]:
        """Continues a prompt, chunk by chunk, all within ``timeout_s``.

        The request is sent when the first chunk is asked for. Leaving the loop closes the generator, and that
        the connection: the server stops the work. The embedded server streams, the stock one does not.
        """
        deadline_s = self._conduct.now() + timeout_s
        sampling = sampling_inputs(max_new_tokens, temperature, top_k, top_p, seed)
        source: ByteStream = self._run(self._conduct.opened(prompt, sampling, stop, timeout_s))
        reader = ChunkReader()
        with contextlib.closing(source):
            while not reader.complete:
                yield from reader.feed(source.read(self._conduct.left_s(deadline_s)))

    def chat(
        self,
        messages: Sequence[Mapping[str, str]],
        max_new_tokens: int | None = None,
        temperature: float | None = None,
        top_k: int | None = None,
        top_p: float | None = None,
        seed: int | None = None,
        stop: Sequence[str] = (),
        timeout_s: float = TIMEOUT_S,
    ) -> Generation:
        """The next message of a conversation, by the model's chat template. Messages have ``role`` and
        ``content``."""
        sampling = sampling_inputs(max_new_tokens, temperature, top_k, top_p, seed)
        return self._run(self._conduct.chatted(messages, sampling, stop, timeout_s))

    def score(self, texts: Sequence[str], timeout_s: float = TIMEOUT_S) -> list[Score]:
        """The log-probability of each text."""
        return self._run(self._conduct.scored(texts, timeout_s))

    def model_status(self, timeout_s: float = 10.0) -> list[ServedVersion]:
        """Every version the server knows of, highest first."""
        return self._run(self._conduct.statuses(timeout_s))

    def signatures(self, timeout_s: float = 10.0) -> dict[str, dict[str, Any]]:
        """Signature name -> its SignatureDef, in protobuf's JSON form. Over REST only."""
        return self._run(self._conduct.described(timeout_s))

    def wait_until_ready(self, timeout_s: float = 60.0) -> None:
        """Returns once a version is available; UnavailableError if none is within ``timeout_s``."""
        self._run(self._conduct.ready(timeout_s))

    def close(self) -> None:  # noqa: B027 - most have nothing to end
        """Ends what connects to the server."""

    def __enter__(self: SyncSelf) -> SyncSelf:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    @abc.abstractmethod
    def _send(self, request: Request, timeout_s: float) -> Any:
        """Sends one request, once; its answer. ``Stream`` is answered by a ByteStream."""

    def _run(self, steps: Steps[Result]) -> Result:
        resume = functools.partial(next, steps)
        while True:
            try:
                step: Step = resume()
            except StopIteration as end:
                return end.value
            try:
                answer = self._done(step)
            except ServingError as error:
                resume = functools.partial(steps.throw, error)
            else:
                resume = functools.partial(steps.send, answer)

    def _done(self, step: Step) -> Any:
        if isinstance(step, Send):
            return self._send(step.request, step.timeout_s)
        self._sleep(step.seconds)
        return None


def sampling_inputs(
    max_new_tokens: int | None,
    temperature: float | None,
    top_k: int | None,
    top_p: float | None,
    seed: int | Sequence[int] | None,
) -> dict[str, Any]:
    """By the names of the generate signature."""
    return {
        "max_new_tokens": max_new_tokens,
        "temperature": temperature,
        "top_k": top_k,
        "top_p": top_p,
        "seed": seed,
    }
