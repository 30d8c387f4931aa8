"""HTTP/1.1 (RFC 9112) as a client needs it: a request to its bytes, and the bytes of an answer, cut anywhere.

The one parser of the blocking and the asynchronous connections. It knows answers of a given
length, in chunks, and up to the connection's end; it passes over interim answers, and reads no
trailers.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Generator

_MAX_LINE_BYTES = 65536
_MAX_HEADERS = 256


class HttpSyntaxError(ValueError):
    """What came is not HTTP/1.1: something else listens there; a retry does not help."""


@dataclasses.dataclass(frozen=True)
class HttpRequest:
    """A request for one path."""

    method: str
    path: str
    """Percent-encoded."""
    body: bytes | None = None
    """JSON, if any."""


@dataclasses.dataclass(frozen=True)
class HttpAnswer:
    """A whole answer."""

    status: int
    headers: dict[str, str]
    """By name in lower case; of several with one name, the last."""
    body: bytes


def request_bytes(request: HttpRequest, host: str) -> bytes:
    """What goes over the connection. One request each: the answer's end may be the connection's."""
    lines = [
        f"{request.method} {request.path} HTTP/1.1",
        f"Host: {host}",
        "Connection: close",
        "Accept: */*",
    ]
    if request.body is not None:
        lines += ["Content-Type: application/json", f"Content-Length: {len(request.body)}"]
    return "\r\n".join([*lines, "", ""]).encode("ascii") + (request.body or b"")


class AnswerReader:
    """Takes the bytes of one answer as they come."""

    def __init__(self) -> None:
        self.status = 0
        self.headers: dict[str, str] = {}
        self.head_complete = False
        """Status and headers are known."""
        self.complete = False
        self._bytes = bytearray()
        self._ended = False
        self._body: list[bytes] = []
        self._steps = self._parsed()
        next(self._steps)

    def feed(self, data: bytes) -> bytes:
        """The bytes of the body in ``data``; none in it mean that the connection has ended.

        ConnectionError if it ended before the answer, HttpSyntaxError if it is no HTTP.
        """
        self._bytes += data
        self._ended = not data
        if not self.complete:
            next(self._steps, None)
        body, self._body = b"".join(self._body), []
        return body

    def _parsed(self) -> Generator[None, None, None]:
        yield
        while self.status < 200:
            yield from self._read_head()
        self.head_complete = True
        if "chunked" in self.headers.get("transfer-encoding", "").lower():
            yield from self._read_chunks()
        elif "content-length" in self.headers:
            yield from self._read_body(_number(self.headers["content-length"], 10))
        elif self.status not in (204, 304):
            yield from self._read_to_end()
        self.complete = True

    def _read_head(self) -> Generator[None, None, None]:
        version, _, status = (yield from self._line()).partition(" ")
        if not version.startswith("HTTP/1."):
            raise HttpSyntaxError(f"it begins with {version[:40]!r}")
        self.status, self.headers = _number(status[:3], 10), {}
        for _ in range(_MAX_HEADERS):
            line = yield from self._line()
            if not line:
                return
            name, _, value = line.partition(":")
            self.headers[name.strip().lower()] = value.strip()
        raise HttpSyntaxError(f"it has more than {_MAX_HEADERS} headers")

    def _read_chunks(self) -> Generator[None, None, None]:
        while size := _number((yield from self._line()).partition(";")[0], 16):
            yield from self._read_body(size)
            if (yield from self._line()):
                raise HttpSyntaxError("a chunk is longer than it says")

    def _read_body(self, size: int) -> Generator[None, None, None]:
        while size:
            if not self._bytes:
                yield from self._more()
            part = bytes(self._bytes[:size])
            del self._bytes[: len(part)]
            self._body.append(part)
            size -= len(part)

    def _read_to_end(self) -> Generator[None, None, None]:
        while not self._ended:
            self._body.append(bytes(self._bytes))
            self._bytes.clear()
            yield

    def _line(self) -> Generator[None, None, str]:
        while (end := self._bytes.find(b"\n")) < 0:
            if len(self._bytes) > _MAX_LINE_BYTES:
                raise HttpSyntaxError(f"it has a line of more than {_MAX_LINE_BYTES} bytes")
            yield from self._more()
        line = bytes(self._bytes[:end]).removesuffix(b"\r")
        del self._bytes[: end + 1]
        return line.decode("latin-1")

    def _more(self) -> Generator[None, None, None]:
        if self._ended:
            raise ConnectionError("the connection ended before the answer did")
        yield


def _number(text: str, base: int) -> int:
    try:
        value = int(text.strip(), base)
    except ValueError:
        value = -1
    if value < 0:
        raise HttpSyntaxError(f"it has {text[:40]!r} where a number belongs")
    return value
