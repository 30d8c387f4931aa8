"""Server-sent events (WHATWG HTML, section 9.2): one answer as it grows."""

from __future__ import annotations

import json
from typing import Any

from aiohttp import web

_HEADERS = {
    "Content-Type": "text/event-stream; charset=utf-8",
    "Cache-Control": "no-store",
    # Proxies must not collect the events: nginx reads this.
    "X-Accel-Buffering": "no",
}


class EventStream:
    """The events of one request, begun with the first of them."""

    def __init__(self, request: web.Request) -> None:
        self._request = request
        self._response: web.StreamResponse | None = None

    @property
    def begun(self) -> bool:
        """Whether the status is sent, so that an error can only be an event."""
        return self._response is not None

    async def send(self, data: Any, event: str = "") -> None:
        """One event, its data as JSON; text is sent as it is."""
        if self._response is None:
            self._response = web.StreamResponse(headers=_HEADERS)
            await self._response.prepare(self._request)
        body = data if isinstance(data, str) else json.dumps(data, ensure_ascii=False)
        name = f"event: {event}\n" if event else ""
        await self._response.write(f"{name}data: {body}\n\n".encode())

    async def end(self) -> web.StreamResponse:
        """The response, complete."""
        assert self._response is not None, "a stream has at least one event"
        await self._response.write_eof()
        return self._response
