"""POST /v1/models/NAME:generateStream: a continuation of one prompt as server-sent events.

The body is a JSON object: ``prompt``, and what else the generate signature takes
(``max_new_tokens``, ``temperature``, ``top_k``, ``top_p``, ``seed``, with its defaults), ``stop``, a
list of strings, and ``alternatives``, the number of likeliest tokens to report at each step. The
path takes a version or a label as :predict does. Events::

    data: {"text": "or not", "num_tokens": 3}
    data: {"text": " to be", "num_tokens": 5, "finish_reason": "length", "version": 2, "num_prompt_tokens": 4}

With ``alternatives``, 0 included, an event has ``tokens``: each with its ``text``, ``log_probability``
in nats and ``alternatives``; one that is no text by itself, but part of a character, has its
``bytes`` besides. A failure before the first event is answered as :predict's are, a later one is an
event named ``error``.
"""

from __future__ import annotations

import json
import re
from typing import Any
from urllib.parse import unquote

from aiohttp import web
from tensorflow_serving.apis import model_pb2

from serving import contract
from serving.engine.continuation import Delta, TokenLikelihood
from serving.engine.service import EngineService
from serving.engine.stream import Asked, Running, running
from serving.engine.text import text_of
from serving.errors import InvalidArgumentError, ServingError
from serving.rest.answers import error_answer
from serving.rest.sse import EventStream

PATH = "/v1/models/{target:[^:]+}:generateStream"

_TARGET = re.compile(r"(?P<name>[^/:]+)(?:/versions/(?P<version>\d{1,19})|/labels/(?P<label>[^/:]+))?")
_NUMBERS = {field.name: field for field in contract.GENERATE_SIGNATURE.inputs if field.default is not None}
_INT32 = range(-(2**31), 2**31)


async def generate_stream(service: EngineService, request: web.Request) -> web.StreamResponse:
    """Answers one request."""
    stream = EventStream(request)
    try:
        spec = model_spec(request.raw_path.split("?", 1)[0])
        asked = asked_for(await request.read())
        async with running(service, spec, asked) as work:
            async for _, delta in work.deltas:
                await stream.send(_event(delta, work, asked.num_alternatives is not None))
        return await stream.end()
    except ServingError as error:
        if not stream.begun:
            answer = error_answer(error.code.http_status, error.wire_message, error.code)
            return web.Response(status=answer.status, body=answer.body, content_type="application/json")
        await stream.send({"error": error.wire_message}, event="error")
        return await stream.end()


def model_spec(path: str) -> model_pb2.ModelSpec:
    """The model that ``/v1/models/NAME[/versions/N|/labels/L]:generateStream`` names."""
    target = path.removeprefix("/v1/models/").rpartition(":")[0]
    match = _TARGET.fullmatch(target)
    if not match or (match["version"] and int(match["version"]) >= 2**63):
        raise InvalidArgumentError(f"Malformed request: POST {path}")
    spec = model_pb2.ModelSpec(name=unquote(match["name"]))
    if match["version"]:
        spec.version.value = int(match["version"])
    if match["label"]:
        spec.version_label = unquote(match["label"])
    return spec


def asked_for(body: bytes) -> Asked:
    """The request that a JSON body holds; InvalidArgumentError says what is wrong with it."""
    try:
        fields = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise InvalidArgumentError(f"the body is not JSON: {error}") from error
    if not isinstance(fields, dict) or not isinstance(fields.get("prompt"), str):
        raise InvalidArgumentError('the body must be an object with "prompt", a string')
    known = {"prompt", "stop", "alternatives", *_NUMBERS}
    if unknown := sorted(set(fields) - known):
        raise InvalidArgumentError(
            f"unknown field {unknown[0]!r}: expected one of {', '.join(sorted(known))}"
        )
    stop = fields.get("stop", [])
    if not isinstance(stop, list) or not all(isinstance(text, str) for text in stop):
        raise InvalidArgumentError('"stop" must be a list of strings')
    alternatives = fields.get("alternatives")
    if alternatives is not None and (type(alternatives) is not int or not 0 <= alternatives <= 20):
        raise InvalidArgumentError('"alternatives" must be an integer from 0 to 20')
    settings = {name: _number(name, fields[name]) for name in _NUMBERS if name in fields}
    return Asked((checked_text(fields["prompt"]),), 1, settings, tuple(stop), alternatives)


def checked_text(text: str) -> str:
    """``text``, which JSON may have spelled with half a surrogate pair: that has no UTF-8."""
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise InvalidArgumentError(f"the prompt is not text: {error.reason}") from error
    return text


def _number(name: str, value: Any) -> float:
    if _NUMBERS[name].dtype == "int32":
        if type(value) is not int or value not in _INT32:
            raise InvalidArgumentError(f'"{name}" must be an integer of 32 bits')
        return value
    try:
        if type(value) in (int, float):
            return float(value)
    except OverflowError:
        pass
    raise InvalidArgumentError(f'"{name}" must be a number within float32')


def _event(delta: Delta, work: Running, with_tokens: bool) -> dict[str, Any]:
    event: dict[str, Any] = {"text": delta.text, "num_tokens": delta.num_tokens}
    if with_tokens:
        event["tokens"] = [_token(token) for token in delta.tokens]
    if delta.finish_reason:
        event["finish_reason"] = delta.finish_reason
        event["version"] = work.lease.version
        event["num_prompt_tokens"] = work.num_prompt_tokens
    return event


def _token(token: TokenLikelihood) -> dict[str, Any]:
    return {
        **_spelled(token.token),
        "log_probability": token.log_probability,
        "alternatives": [
            {**_spelled(other), "log_probability": value} for other, value in token.alternatives
        ],
    }


def _spelled(token: bytes) -> dict[str, Any]:
    text = text_of([token])
    return {"text": text} if text.encode() == token else {"text": text, "bytes": list(token)}
