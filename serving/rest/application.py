"""The REST front: TensorFlow Serving's /v1/models API on aiohttp.

Paths are matched before they are percent-decoded, as there. Bodies are read on the event
loop; they are inflated and parsed, and models run, in threads, so one slow request does
not hold up the others. A request that nobody waits for any more, because its client has
gone or its time is over, is given up.
"""

from __future__ import annotations

import asyncio
import dataclasses
import time
from collections.abc import Sequence
from concurrent import futures

from aiohttp import web

from serving.call import Call
from serving.errors import DeadlineExceededError, ServingError
from serving.extension import Extension
from serving.inference.admission import Admission
from serving.inference.prediction import ModelServer
from serving.rest.answers import Answer, Request, answer, error_answer
from serving.rest.bodies import MAX_INFLATED_BYTES, inflated

_CORS = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Methods": "POST, GET",
    "Access-Control-Allow-Headers": "Content-Type",
}


@dataclasses.dataclass(frozen=True)
class RestConfig:
    """How the REST front answers."""

    max_body_bytes: int = 100 * 2**20
    max_inflated_bytes: int = MAX_INFLATED_BYTES
    timeout_s: float | None = 30.0
    cors: bool = False
    prometheus_path: str | None = None
    """Where the metrics are; None: nowhere."""


class RestApplication:
    """Makes the aiohttp application that answers for ``models``."""

    def __init__(
        self, models: ModelServer, admission: Admission, threads: futures.Executor, config: RestConfig
    ) -> None:
        self._models = models
        self._admission = admission
        self._threads = threads
        self._config = config

    def build(self, extensions: Sequence[Extension] = ()) -> web.Application:
        """The extensions' routes, and TensorFlow Serving's API for every other path."""
        application = web.Application(client_max_size=self._config.max_body_bytes)
        for extension in extensions:
            extension.add_routes(application)
        if self._config.prometheus_path:
            application.router.add_get(self._config.prometheus_path, self._metrics)
        application.router.add_route("*", "/{path:.*}", self._handle)
        return application

    async def _metrics(self, request: web.Request) -> web.Response:
        return web.Response(text=self._models.metrics.page(), content_type="text/plain")

    async def _handle(self, request: web.Request) -> web.Response:
        headers = _CORS if self._config.cors else {}
        if request.method == "OPTIONS":
            allowed = request.headers.get("Origin", "").startswith(("http://", "https://"))
            return web.Response(status=200 if allowed else 400, headers=headers)
        given = await self._answer(request)
        return web.Response(
            status=given.status, body=given.body, content_type="application/json", headers=headers
        )

    async def _answer(self, request: web.Request) -> Answer:
        begun_s = time.perf_counter()
        asked = Request(request.method, request.raw_path.split("?", 1)[0])
        try:
            asked.body = await request.read()
        except web.HTTPRequestEntityTooLarge:
            limit = self._config.max_body_bytes
            return error_answer(413, f"the body has more than {limit} bytes: send smaller batches")
        asked.encoding = request.headers.get("Content-Encoding", "")
        given = await self._answer_in_thread(asked)
        if asked.api:
            seconds = time.perf_counter() - begun_s
            self._models.metrics.record_request(asked.model_name, asked.api, "REST", given.code, seconds)
        return given

    async def _answer_in_thread(self, asked: Request) -> Answer:
        call = Call(self._config.timeout_s)
        loop = asyncio.get_running_loop()
        work = loop.run_in_executor(self._threads, self._work, asked, call)
        try:
            return await asyncio.wait_for(asyncio.shield(work), self._config.timeout_s)
        except asyncio.TimeoutError:
            call.cancel()
            error = DeadlineExceededError("Timed out waiting for notification")
            return error_answer(error.code.http_status, error.wire_message, error.code)
        except asyncio.CancelledError:
            call.cancel()
            raise
        finally:
            call.end()

    def _work(self, asked: Request, call: Call) -> Answer:
        if asked.method != "POST":
            return answer(self._models, asked, call)
        try:
            with self._admission:
                call.check()
                asked.body = inflated(asked.body, asked.encoding, self._config.max_inflated_bytes)
                return answer(self._models, asked, call)
        except ServingError as error:
            return error_answer(error.code.http_status, error.wire_message, error.code)
