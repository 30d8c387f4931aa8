"""OpenAI's routes: which model a request means, and its answer whole or as events.

A model is named ``NAME`` for its newest version, or ``NAME@VERSION``. GET /v1/models lists both;
GET /v1/models/NAME stays TensorFlow Serving's.
"""

from __future__ import annotations

import time
from types import ModuleType
from typing import Any

from aiohttp import web
from tensorflow_serving.apis import model_pb2

from serving.engine.service import EngineService
from serving.errors import NotFoundError, ServingError
from serving.openai import chat, completions
from serving.openai.objects import error_object
from serving.openai.requests import ChatRequest, CompletionRequest, parsed
from serving.rest.sse import EventStream


class OpenAIRoutes:
    """Handlers for one server's models."""

    def __init__(self, service: EngineService) -> None:
        self._service = service
        self._started = int(time.time())

    def add_to(self, application: web.Application) -> None:
        router = application.router
        router.add_post("/v1/completions", self._completions)
        router.add_post("/v1/chat/completions", self._chat)
        router.add_get("/v1/models", self._models)

    async def _completions(self, request: web.Request) -> web.StreamResponse:
        return await self._answer(request, CompletionRequest, completions)

    async def _chat(self, request: web.Request) -> web.StreamResponse:
        return await self._answer(request, ChatRequest, chat)

    async def _models(self, request: web.Request) -> web.Response:
        ids = [
            name
            for model, versions in self._service.models.available().items()
            for name in (model, *(f"{model}@{version}" for version in versions))
        ]
        models = [
            {"id": name, "object": "model", "created": self._started, "owned_by": "lexmill"} for name in ids
        ]
        return web.json_response({"object": "list", "data": models})

    async def _answer(
        self, request: web.Request, kind: type[Any], endpoint: ModuleType
    ) -> web.StreamResponse:
        stream = EventStream(request)
        try:
            asked = parsed(kind, await request.read())
            spec = _spec(asked.model)
            if not asked.stream:
                return web.json_response(await endpoint.complete(self._service, spec, asked))
            async for chunk in endpoint.stream_chunks(self._service, spec, asked, asked.includes_usage):
                await stream.send(chunk)
            await stream.send("[DONE]")
            return await stream.end()
        except ServingError as error:
            if not stream.begun:
                return web.json_response(error_object(error), status=error.code.http_status)
            await stream.send(error_object(error))
            return await stream.end()


def _spec(model: str) -> model_pb2.ModelSpec:
    name, found, version = model.rpartition("@")
    spec = model_pb2.ModelSpec()
    try:
        spec.name = name if found else model
        if found:
            spec.version.value = int(version if version.isdecimal() else "")
    except ValueError as error:
        # A name that has no UTF-8, as JSON may spell half a surrogate pair, or no number of 64 bits.
        raise NotFoundError(
            f"The model {model[:256]!r} does not exist: name it NAME or NAME@VERSION"
        ) from error
    return spec
