"""Clients of a served Lexmill model: TensorFlow Serving's own server or the embedded one.

Four classes with the same methods: over gRPC or REST, blocking or awaited::

    with Client("127.0.0.1:8500", model="shakespeare") as client:
        client.wait_until_ready(timeout_s=30)
        for generation in client.generate(["To be"], max_new_tokens=20, stop=["\\n"]):
            print(generation.text)

    async with AsyncRestClient("http://127.0.0.1:8501", model="shakespeare") as client:
        async for chunk in client.stream("To be", max_new_tokens=20):
            print(chunk.text, end="")

Over gRPC they need grpcio and protobuf, over REST the standard library alone; neither needs
TensorFlow. Importing this module imports none of them. Failures that pass by themselves are
retried: see `serving.clients.retries`. TensorFlow Serving's gRPC has neither token streaming nor
conversations: a gRPC client that is told the server's ``rest_url`` has them over REST.
"""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING, Any

from serving.clients.async_language_model import AsyncLanguageModel
from serving.clients.http_connections import AsyncExchange, Exchange, site
from serving.clients.http_messages import HttpSyntaxError
from serving.clients.language_model import LanguageModel
from serving.clients.requests import REST_ONLY, ModelName, Request, Stream
from serving.clients.rest_form import RestForm
from serving.clients.results import Chunk, Generation, Score, ServedVersion
from serving.clients.retries import Retries

if TYPE_CHECKING:
    import grpc

__all__ = [
    "AsyncClient",
    "AsyncLanguageModel",
    "AsyncRestClient",
    "Chunk",
    "Client",
    "Generation",
    "LanguageModel",
    "RestClient",
    "Retries",
    "Score",
    "ServedVersion",
]

_CHANNEL_OPTIONS = (
    ("grpc.max_receive_message_length", -1),
    ("grpc.max_send_message_length", -1),
    ("grpc.enable_http_proxy", 0),
    # So that a retry finds a server that has come up meanwhile.
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 1000),
)


class RestClient(LanguageModel):
    """A language model served under ``base_url``, ``http://host:port``; its newest version unless told."""

    def __init__(
        self,
        base_url: str,
        model: str,
        version: int | None = None,
        label: str | None = None,
        retries: Retries = Retries(),  # noqa: B008
    ) -> None:
        super().__init__(retries)
        self.base_url = base_url.rstrip("/")
        self._site = site(self.base_url)
        self._form = RestForm(self.base_url, ModelName(model, version, label))

    def _send(self, request: Request, timeout_s: float) -> Any:
        deadline_s = time.monotonic() + timeout_s
        try:
            exchange = Exchange(self._site, self._form.encoded(request), timeout_s)
            if isinstance(request, Stream) and exchange.status == 200:
                return _Body(exchange, self._form, timeout_s)
            with contextlib.closing(exchange):
                answer = exchange.whole(deadline_s - time.monotonic())
        except (OSError, HttpSyntaxError) as error:
            raise self._form.failure(error, timeout_s) from None
        return self._form.decoded(request, answer)


class AsyncRestClient(AsyncLanguageModel):
    """`RestClient`, awaited."""

    def __init__(
        self,
        base_url: str,
        model: str,
        version: int | None = None,
        label: str | None = None,
        retries: Retries = Retries(),  # noqa: B008
    ) -> None:
        super().__init__(retries)
        self.base_url = base_url.rstrip("/")
        self._site = site(self.base_url)
        self._form = RestForm(self.base_url, ModelName(model, version, label))

    async def _send(self, request: Request, timeout_s: float) -> Any:
        deadline_s = time.monotonic() + timeout_s
        try:
            exchange = await AsyncExchange.begun(self._site, self._form.encoded(request), timeout_s)
            if isinstance(request, Stream) and exchange.status == 200:
                return _AsyncBody(exchange, self._form, timeout_s)
            with contextlib.closing(exchange):
                answer = await exchange.whole(deadline_s - time.monotonic())
        except (OSError, HttpSyntaxError) as error:
            raise self._form.failure(error, timeout_s) from None
        return self._form.decoded(request, answer)


class Client(LanguageModel):
    """A language model served at ``target``, ``host:port`` of gRPC; its newest version unless told."""

    def __init__(
        self,
        target: str,
        model: str,
        version: int | None = None,
        label: str | None = None,
        retries: Retries = Retries(),  # noqa: B008
        rest_url: str | None = None,
        credentials: grpc.ChannelCredentials | None = None,
    ) -> None:
        """``credentials``: for a server with TLS, such as ``grpc.ssl_channel_credentials()``."""
        super().__init__(retries)
        import grpc

        from serving.clients.grpc_form import GrpcForm

        self.target = target
        self._form = GrpcForm(target, ModelName(model, version, label))
        self._rest = RestClient(rest_url, model, version, label, retries) if rest_url else None
        self._error = grpc.RpcError
        if credentials is None:
            self._channel = grpc.insecure_channel(target, options=_CHANNEL_OPTIONS)
        else:
            self._channel = grpc.secure_channel(target, credentials, options=_CHANNEL_OPTIONS)

    def close(self) -> None:
        """Ends the connection."""
        self._channel.close()

    def _send(self, request: Request, timeout_s: float) -> Any:
        if self._rest and isinstance(request, REST_ONLY):
            return self._rest._send(request, timeout_s)
        asked = self._form.encoded(request)
        try:
            data = self._channel.unary_unary(asked.path)(asked.message, timeout=timeout_s)
        except self._error as error:
            raise self._form.failure(error.code().name, error.details() or "", timeout_s) from None
        return self._form.decoded(request, data)


class AsyncClient(AsyncLanguageModel):
    """`Client`, awaited."""

    def __init__(
        self,
        target: str,
        model: str,
        version: int | None = None,
        label: str | None = None,
        retries: Retries = Retries(),  # noqa: B008
        rest_url: str | None = None,
        credentials: grpc.ChannelCredentials | None = None,
    ) -> None:
        """As `Client`. The connection belongs to the event loop of the first call."""
        super().__init__(retries)
        from serving.clients.grpc_form import GrpcForm

        self.target = target
        self._form = GrpcForm(target, ModelName(model, version, label))
        self._rest = AsyncRestClient(rest_url, model, version, label, retries) if rest_url else None
        self._credentials = credentials
        self._channel: Any = None

    async def close(self) -> None:
        """Ends the connection; calls under way end with it."""
        if self._channel is not None:
            await self._channel.close()

    async def _send(self, request: Request, timeout_s: float) -> Any:
        import grpc

        if self._rest and isinstance(request, REST_ONLY):
            return await self._rest._send(request, timeout_s)
        asked = self._form.encoded(request)
        try:
            data = await self._opened().unary_unary(asked.path)(asked.message, timeout=timeout_s)
        except grpc.RpcError as error:
            raise self._form.failure(error.code().name, error.details() or "", timeout_s) from None
        return self._form.decoded(request, data)

    def _opened(self) -> Any:
        from grpc import aio

        if self._channel is None and self._credentials is None:
            self._channel = aio.insecure_channel(self.target, options=_CHANNEL_OPTIONS)
        elif self._channel is None:
            self._channel = aio.secure_channel(self.target, self._credentials, options=_CHANNEL_OPTIONS)
        return self._channel


class _Body:
    """The body of a streamed answer; its failures are those of the package."""

    def __init__(self, exchange: Exchange, form: RestForm, timeout_s: float) -> None:
        self._exchange, self._form, self._timeout_s = exchange, form, timeout_s
        self.close = exchange.close

    def read(self, timeout_s: float) -> bytes:
        try:
            return self._exchange.read(timeout_s)
        except (OSError, HttpSyntaxError) as error:
            raise self._form.failure(error, self._timeout_s) from None


class _AsyncBody:
    """The same, awaited."""

    def __init__(self, exchange: AsyncExchange, form: RestForm, timeout_s: float) -> None:
        self._exchange, self._form, self._timeout_s = exchange, form, timeout_s
        self.close = exchange.close

    async def read(self, timeout_s: float) -> bytes:
        try:
            return await self._exchange.read(timeout_s)
        except (OSError, HttpSyntaxError) as error:
            raise self._form.failure(error, self._timeout_s) from None
