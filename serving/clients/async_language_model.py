"""A served language model as an object whose methods are awaited: `serving.clients.language_model`, on an
event loop."""

from __future__ import annotations

import abc
import asyncio
import contextlib
import functools
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from types import TracebackType
from typing import Any, Protocol, TypeVar

from serving.clients.events import ChunkReader
from serving.clients.language_model import TIMEOUT_S, sampling_inputs
from serving.clients.requests import Request
from serving.clients.results import Chunk, Generation, Score, ServedVersion
from serving.clients.retries import Retries
from serving.clients.steps import Conduct, Send, Step, Steps
from serving.errors import ServingError

Result = TypeVar("Result")
AsyncSelf = TypeVar("AsyncSelf", bound="AsyncLanguageModel")


class AsyncByteStream(Protocol):
    """The body of an answer under way."""

    async def read(self, timeout_s: float) -> bytes:
        """The next bytes; none at the end."""

    def close(self) -> None:
        """Ends the connection, whatever is still to come."""


class AsyncLanguageModel(abc.ABC):
    """A language model whose methods are awaited. For one event loop; any number of tasks at once."""

    def __init__(self, retries: Retries = Retries()) -> None:  # noqa: B008
        self._conduct = Conduct(retries)
        self._sleep: Callable[[float], Awaitable[None]] = asyncio.sleep

    async def generate(
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
        """As `LanguageModel.generate`."""
        sampling = sampling_inputs(max_new_tokens, temperature, top_k, top_p, seed)
        return await self._run(self._conduct.generated(prompts, sampling, stop, timeout_s))

    async def stream(
        self,
        prompt: str,
        max_new_tokens: int | None = None,
        temperature: float | None = None,
        top_k: int | None = None,
        top_p: float | None = None,
        seed: int | None = None,
        stop: Sequence[str] = (),
        timeout_s: float = TIMEOUT_S,
    ) -> AsyncGenerator[Chunk, None]:
        """As `LanguageModel.stream`. A loop that is left early closes the connection when its generator is
        collected; ``contextlib.aclosing`` around it says when."""
        deadline_s = self._conduct.now() + timeout_s
        sampling = sampling_inputs(max_new_tokens, temperature, top_k, top_p, seed)
        source: AsyncByteStream = await self._run(self._conduct.opened(prompt, sampling, stop, timeout_s))
        reader = ChunkReader()
        with contextlib.closing(source):
            while not reader.complete:
                for chunk in reader.feed(await source.read(self._conduct.left_s(deadline_s))):
                    yield chunk

    async def chat(
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
        """As `LanguageModel.chat`."""
        sampling = sampling_inputs(max_new_tokens, temperature, top_k, top_p, seed)
        return await self._run(self._conduct.chatted(messages, sampling, stop, timeout_s))

    async def score(self, texts: Sequence[str], timeout_s: float = TIMEOUT_S) -> list[Score]:
        """As `LanguageModel.score`."""
        return await self._run(self._conduct.scored(texts, timeout_s))

    async def model_status(self, timeout_s: float = 10.0) -> list[ServedVersion]:
        """As `LanguageModel.model_status`."""
        return await self._run(self._conduct.statuses(timeout_s))

    async def signatures(self, timeout_s: float = 10.0) -> dict[str, dict[str, Any]]:
        """As `LanguageModel.signatures`."""
        return await self._run(self._conduct.described(timeout_s))

    async def wait_until_ready(self, timeout_s: float = 60.0) -> None:
        """As `LanguageModel.wait_until_ready`."""
        await self._run(self._conduct.ready(timeout_s))

    async def close(self) -> None:  # noqa: B027 - most have nothing to end
        """Ends what connects to the server."""

    async def __aenter__(self: AsyncSelf) -> AsyncSelf:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()

    @abc.abstractmethod
    async def _send(self, request: Request, timeout_s: float) -> Any:
        """Sends one request, once; its answer. ``Stream`` is answered by an AsyncByteStream."""

    async def _run(self, steps: Steps[Result]) -> Result:
        resume = functools.partial(next, steps)
        while True:
            try:
                step: Step = resume()
            except StopIteration as end:
                return end.value
            try:
                answer = await self._done(step)
            except ServingError as error:
                resume = functools.partial(steps.throw, error)
            else:
                resume = functools.partial(steps.send, answer)

    async def _done(self, step: Step) -> Any:
        if isinstance(step, Send):
            return await self._send(step.request, step.timeout_s)
        await self._sleep(step.seconds)
        return None
