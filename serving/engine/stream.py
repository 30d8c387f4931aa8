"""Continuations as asynchronous iterators, for handlers on an event loop."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
from collections.abc import AsyncIterator

import numpy as np
from tensorflow_serving.apis import model_pb2

from serving import contract
from serving.call import Call
from serving.engine.continuation import Continuation, Delta, Listener
from serving.engine.model import Prepared
from serving.engine.pool import EnginePool
from serving.engine.service import EngineService, prepared
from serving.errors import InvalidArgumentError
from serving.versions.repository import Lease

MAX_CONTINUATIONS = 128
"""Of one request."""


@dataclasses.dataclass(frozen=True)
class Asked:
    """What one request wants."""

    prompts: tuple[str | tuple[int, ...], ...]
    """Texts, or token ids."""
    num_choices: int = 1
    """Continuations of each prompt; the j-th draws with ``seed + j``."""
    settings: dict[str, float] = dataclasses.field(default_factory=dict)
    """Sampling inputs of the generate signature; what is left out has its default there."""
    stop: tuple[str, ...] = ()
    num_alternatives: int | None = None
    """None: no likelihoods."""


@dataclasses.dataclass
class Running:
    """A request under way on one version."""

    lease: Lease
    engine: EnginePool
    prompts: list[Prepared]
    deltas: AsyncIterator[tuple[int, Delta]]
    """What continuation gained what; prompt ``i``'s ``j``-th has the number ``i * num_choices + j``. Raises a
    continuation's error."""

    @property
    def num_prompt_tokens(self) -> int:
        """Without the token that starts every text."""
        return sum(len(prompt.token_ids) - 1 for prompt in self.prompts)


@contextlib.asynccontextmanager
async def running(
    service: EngineService, spec: model_pb2.ModelSpec, asked: Asked, timeout_s: float | None = None
) -> AsyncIterator[Running]:
    """Starts a request; leaving the block ends it, within a step or two if it is not over."""
    if len(asked.prompts) * asked.num_choices > MAX_CONTINUATIONS:
        raise InvalidArgumentError(
            f"{len(asked.prompts)} prompts with {asked.num_choices} choices each are more than "
            f"{MAX_CONTINUATIONS} continuations: send several requests"
        )
    loop = asyncio.get_running_loop()
    call = Call(timeout_s)
    queue: asyncio.Queue[tuple[int, Delta]] = asyncio.Queue()
    with service.models.acquire(spec) as lease:
        engine = service.engine(lease)
        try:
            rows = await loop.run_in_executor(None, _prepared, engine, asked)
            groups = [
                [
                    Continuation(
                        dataclasses.replace(row, seed=contract.seed(row.seed + choice)),
                        engine.model.context_length,
                        _forward(index * asked.num_choices + choice, loop, queue),
                        call,
                        asked.stop,
                        asked.num_alternatives,
                        is_watched=True,
                    )
                    for choice in range(asked.num_choices)
                ]
                for index, row in enumerate(rows)
            ]
            engine.submit(groups)
            yield Running(lease, engine, rows, _deltas(queue, len(rows) * asked.num_choices))
        finally:
            call.cancel()


async def _deltas(
    queue: asyncio.Queue[tuple[int, Delta]], num_running: int
) -> AsyncIterator[tuple[int, Delta]]:
    while num_running:
        number, delta = await queue.get()
        if delta.error:
            raise delta.error
        num_running -= delta.is_last
        yield number, delta


def _forward(
    number: int, loop: asyncio.AbstractEventLoop, queue: asyncio.Queue[tuple[int, Delta]]
) -> Listener:
    def forward(delta: Delta) -> None:
        # The loop may be closed when the server stops: then nobody listens.
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(queue.put_nowait, (number, delta))

    return forward


def _prepared(engine: EnginePool, asked: Asked) -> list[Prepared]:
    texts = [prompt if isinstance(prompt, str) else "" for prompt in asked.prompts]
    rows = prepared(engine.model, texts, **asked.settings)
    return [
        row if isinstance(prompt, str) else _of_tokens(engine, row, prompt)
        for prompt, row in zip(asked.prompts, rows, strict=True)
    ]


def _of_tokens(engine: EnginePool, start: Prepared, prompt: tuple[int, ...]) -> Prepared:
    model = engine.model
    if wrong := [token for token in prompt if not 0 <= token < model.vocabulary_size]:
        raise InvalidArgumentError(
            f"token {wrong[0]} is not in the vocabulary of {model.vocabulary_size} tokens"
        )
    if len(prompt) >= model.context_length:
        raise InvalidArgumentError(
            f"a prompt may have at most {model.context_length - 1} tokens: shorten it or send its end only, "
            f"got [{len(prompt)}]"
        )
    return dataclasses.replace(start, token_ids=np.array([*start.token_ids, *prompt], np.int32))
