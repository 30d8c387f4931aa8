"""POST /v1/completions."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import numpy as np
from tensorflow_serving.apis import model_pb2

from serving.engine.continuation import TokenLikelihood, token_likelihoods
from serving.engine.service import EngineService
from serving.engine.stream import Asked, Running, running
from serving.engine.text import text_of
from serving.openai.objects import Head, completion_logprobs, finish_reason, usage
from serving.openai.requests import CompletionRequest

_KIND = "text_completion"


async def complete(
    service: EngineService, spec: model_pb2.ModelSpec, asked: CompletionRequest
) -> dict[str, Any]:
    """The answer as a whole."""
    chunks = [chunk async for chunk in stream_chunks(service, spec, asked, with_usage=True)]
    choices: dict[int, dict[str, Any]] = {}
    for chunk in chunks:
        for choice in chunk["choices"]:
            whole = choices.setdefault(choice["index"], choice)
            if whole is not choice:
                whole["text"] += choice["text"]
                whole["finish_reason"] = choice["finish_reason"]
                for name, values in (choice["logprobs"] or {}).items():
                    whole["logprobs"][name] += values
    return {**chunks[-1], "choices": [choices[index] for index in sorted(choices)]}


async def stream_chunks(
    service: EngineService, spec: model_pb2.ModelSpec, asked: CompletionRequest, with_usage: bool
) -> AsyncIterator[dict[str, Any]]:
    """The answer's chunks, the last without choices if ``with_usage``."""
    request = Asked(
        prompts=asked.prompts(),
        num_choices=asked.num_choices,
        # One token more than none is made, and not told.
        settings={
            **asked.sampling(),
            "max_new_tokens": max(1, asked.max_tokens or 16 * (asked.max_tokens is None)),
        },
        stop=asked.stops,
        num_alternatives=asked.logprobs,
    )
    more = {"usage": None} if with_usage else {}
    async with running(service, spec, request) as work:
        head = Head("cmpl", asked.model, work.lease.version)
        size = len(request.prompts) * asked.num_choices
        offsets, counts = [0] * size, [0] * size
        if asked.echo:
            for number in range(size):
                echo = await _echo(work, number // asked.num_choices, asked, number)
                offsets[number] = len(echo["text"])
                yield head.object(_KIND, [echo], **more)
        if asked.max_tokens == 0:
            for number in range(size):
                yield head.object(_KIND, [_choice(number, "", None, "length")], **more)
        else:
            async for number, delta in work.deltas:
                logprobs = None
                if asked.logprobs is not None:
                    logprobs = completion_logprobs(delta.tokens, offsets[number])
                    offsets[number] += sum(len(text) for text in logprobs["tokens"])
                counts[number] = delta.num_tokens
                choice = _choice(number, delta.text, logprobs, finish_reason(delta.finish_reason))
                yield head.object(_KIND, [choice], **more)
        if with_usage:
            yield head.object(_KIND, [], usage=usage(work.num_prompt_tokens, sum(counts)))


async def _echo(work: Running, prompt: int, asked: CompletionRequest, number: int) -> dict[str, Any]:
    """A choice that holds the prompt."""
    model = work.engine.model
    token_ids = work.prompts[prompt].token_ids
    text = text_of([model.token_bytes[token] for token in token_ids[1:]])
    if asked.logprobs is None:
        return _choice(number, text, None, None)
    tokens: tuple[TokenLikelihood, ...] = ()
    if len(token_ids) > 1:
        loop = asyncio.get_running_loop()
        likelihoods = await loop.run_in_executor(None, model.likelihoods, np.asarray(token_ids))
        tokens = token_likelihoods(token_ids[1:], likelihoods, model.token_bytes, asked.logprobs)
    return _choice(number, text, completion_logprobs(tokens, 0), None)


def _choice(number: int, text: str, logprobs: dict[str, Any] | None, reason: str | None) -> dict[str, Any]:
    return {"index": number, "text": text, "logprobs": logprobs, "finish_reason": reason}
