"""POST /v1/chat/completions."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from tensorflow_serving.apis import model_pb2

from serving.engine.service import EngineService
from serving.engine.stream import Asked, running
from serving.openai.chat_template import prompt_of
from serving.openai.objects import Head, chat_logprobs, finish_reason, usage
from serving.openai.requests import ChatRequest
from serving.rest.streaming import checked_text

_KIND, _CHUNK = "chat.completion", "chat.completion.chunk"


async def complete(service: EngineService, spec: model_pb2.ModelSpec, asked: ChatRequest) -> dict[str, Any]:
    """The answer as a whole."""
    chunks = [chunk async for chunk in stream_chunks(service, spec, asked, with_usage=True)]
    choices: list[dict[str, Any]] = [
        {
            "index": index,
            "message": {"role": "assistant", "content": "", "refusal": None},
            "logprobs": {"content": [], "refusal": None} if asked.logprobs else None,
            "finish_reason": None,
        }
        for index in range(asked.num_choices)
    ]
    for chunk in chunks:
        for part in chunk["choices"]:
            choice = choices[part["index"]]
            choice["message"]["content"] += part["delta"].get("content", "")
            choice["finish_reason"] = part["finish_reason"] or choice["finish_reason"]
            if part["logprobs"]:
                choice["logprobs"]["content"] += part["logprobs"]["content"]
    return {**chunks[-1], "object": _KIND, "choices": choices}


async def stream_chunks(
    service: EngineService, spec: model_pb2.ModelSpec, asked: ChatRequest, with_usage: bool
) -> AsyncIterator[dict[str, Any]]:
    """The answer's chunks, the last without choices if ``with_usage``."""
    with service.models.acquire(spec) as lease:
        # The request runs on the version whose template it is.
        spec = model_pb2.ModelSpec(name=lease.model_name)
        spec.version.value = lease.version
        prompt = checked_text(prompt_of(lease.servable.version_dir, asked.messages))
        longest = service.engine(lease).model.context_length
        request = Asked(
            prompts=(prompt,),
            num_choices=asked.num_choices,
            settings={**asked.sampling(), "max_new_tokens": asked.max_new_tokens or longest},
            stop=asked.stops,
            num_alternatives=(asked.top_logprobs or 0) if asked.logprobs else None,
        )
        more = {"usage": None} if with_usage else {}
        async with running(service, spec, request) as work:
            head = Head("chatcmpl", asked.model, work.lease.version)
            first = {"role": "assistant", "content": ""}
            for number in range(asked.num_choices):
                yield head.object(_CHUNK, [_choice(number, first, None, None)], **more)
            counts = [0] * asked.num_choices
            async for number, delta in work.deltas:
                counts[number] = delta.num_tokens
                logprobs = chat_logprobs(delta.tokens) if asked.logprobs else None
                reason = finish_reason(delta.finish_reason)
                said = {"content": delta.text} if delta.text or not reason else {}
                yield head.object(_CHUNK, [_choice(number, said, logprobs, reason)], **more)
            if with_usage:
                yield head.object(_CHUNK, [], usage=usage(work.num_prompt_tokens, sum(counts)))


def _choice(
    number: int, delta: dict[str, str], logprobs: dict[str, Any] | None, reason: str | None
) -> dict[str, Any]:
    return {"index": number, "delta": delta, "logprobs": logprobs, "finish_reason": reason}
