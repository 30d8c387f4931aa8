"""One HTTP request over a connection of its own, blocking or on asyncio: the standard library's sockets.

A connection a request: nothing is found closed by a server that restarted, and a balancer in
between spreads the requests. It costs a round trip. The timeout bounds all of an exchange, from
connecting to the last byte. Straight to the server, whatever proxy the environment names.
Failures are those of sockets, TimeoutError, and HttpSyntaxError.
"""

from __future__ import annotations

import asyncio
import dataclasses
import functools
import socket
import ssl
import time
from collections.abc import Awaitable
from typing import TypeVar
from urllib.parse import urlsplit

from serving.clients.http_messages import AnswerReader, HttpAnswer, HttpRequest, request_bytes
from serving.errors import InvalidArgumentError

_READ_BYTES = 65536

Result = TypeVar("Result")


@dataclasses.dataclass(frozen=True)
class Site:
    """Where a server listens."""

    host: str
    port: int
    is_tls: bool
    prefix: str
    """Of every path, without a slash at its end."""

    @property
    def name(self) -> str:
        """As the Host header has it."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def tls(self) -> ssl.SSLContext | None:
        return _tls() if self.is_tls else None

    def bytes_of(self, request: HttpRequest) -> bytes:
        return request_bytes(dataclasses.replace(request, path=self.prefix + request.path), self.name)


def site(base_url: str) -> Site:
    """The site of ``http://host:port`` or ``https://…``; InvalidArgumentError if it is none."""
    try:
        parts = urlsplit(base_url)
        port = parts.port
    except ValueError:
        parts, port = urlsplit(""), None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise InvalidArgumentError(f"{base_url!r} is no address of a REST server: expected http://host:port")
    is_tls = parts.scheme == "https"
    return Site(parts.hostname, port or (443 if is_tls else 80), is_tls, parts.path.rstrip("/"))


@functools.cache
def _tls() -> ssl.SSLContext:
    return ssl.create_default_context()


class Exchange:
    """A request that is sent, and its answer as it comes; blocks."""

    def __init__(self, site: Site, request: HttpRequest, timeout_s: float) -> None:
        """Returns once the answer's status and headers are there."""
        deadline_s = time.monotonic() + timeout_s
        self._answer = AnswerReader()
        self._early = b""
        self._socket = socket.create_connection((site.host, site.port), timeout=_left(deadline_s))
        try:
            if site.tls:
                self._socket = site.tls.wrap_socket(self._socket, server_hostname=site.host)
            self._socket.settimeout(_left(deadline_s))
            self._socket.sendall(site.bytes_of(request))
            while not self._answer.head_complete:
                self._early += self._received(_left(deadline_s))
        except BaseException:
            self.close()
            raise

    @property
    def status(self) -> int:
        return self._answer.status

    def read(self, timeout_s: float) -> bytes:
        """The next bytes of the body; none at its end."""
        deadline_s = time.monotonic() + timeout_s
        data, self._early = self._early, b""
        while not data and not self._answer.complete:
            data = self._received(_left(deadline_s))
        return data

    def whole(self, timeout_s: float) -> HttpAnswer:
        """The answer, all of it; the exchange is over then."""
        deadline_s = time.monotonic() + timeout_s
        body = []
        while data := self.read(_left(deadline_s)):
            body.append(data)
        return HttpAnswer(self._answer.status, self._answer.headers, b"".join(body))

    def close(self) -> None:
        """Ends the connection: a server that is still at work on the answer hears of it."""
        self._socket.close()

    def _received(self, timeout_s: float) -> bytes:
        self._socket.settimeout(timeout_s)
        return self._answer.feed(self._socket.recv(_READ_BYTES))


class AsyncExchange:
    """The same on an event loop; made by ``begun``."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self._answer = AnswerReader()
        self._early = b""

    @classmethod
    async def begun(cls, site: Site, request: HttpRequest, timeout_s: float) -> AsyncExchange:
        """Returns once the answer's status and headers are there."""
        deadline_s = time.monotonic() + timeout_s
        left_s = _left(deadline_s)
        opening = asyncio.open_connection(site.host, site.port, ssl=site.tls)
        exchange = cls(*await _within(left_s, opening))
        try:
            exchange._writer.write(site.bytes_of(request))
            await _within(_left(deadline_s), exchange._writer.drain())
            while not exchange._answer.head_complete:
                exchange._early += await exchange._received(_left(deadline_s))
        except BaseException:
            exchange.close()
            raise
        return exchange

    @property
    def status(self) -> int:
        return self._answer.status

    async def read(self, timeout_s: float) -> bytes:
        """As `Exchange.read`."""
        deadline_s = time.monotonic() + timeout_s
        data, self._early = self._early, b""
        while not data and not self._answer.complete:
            data = await self._received(_left(deadline_s))
        return data

    async def whole(self, timeout_s: float) -> HttpAnswer:
        """As `Exchange.whole`."""
        deadline_s = time.monotonic() + timeout_s
        body = []
        while data := await self.read(_left(deadline_s)):
            body.append(data)
        return HttpAnswer(self._answer.status, self._answer.headers, b"".join(body))

    def close(self) -> None:
        """As `Exchange.close`."""
        self._writer.transport.abort()

    async def _received(self, timeout_s: float) -> bytes:
        return self._answer.feed(await _within(timeout_s, self._reader.read(_READ_BYTES)))


def _left(deadline_s: float) -> float:
    """The time to the deadline; TimeoutError if it has passed."""
    left_s = deadline_s - time.monotonic()
    if left_s <= 0.0:
        raise TimeoutError
    return left_s


async def _within(timeout_s: float, work: Awaitable[Result]) -> Result:
    try:
        return await asyncio.wait_for(work, timeout_s)
    except asyncio.TimeoutError:
        # Another class than the built-in one before Python 3.11.
        raise TimeoutError from None
