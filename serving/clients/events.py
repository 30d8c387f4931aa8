"""Server-sent events (WHATWG HTML, section 9.2) as they arrive, and the chunks of text that they carry.

Bytes may be cut anywhere, in the middle of a character too. Lines end with a line feed, with or
without a carriage return before it; a lone carriage return, which the standard allows, is not
looked for. Fields other than ``event`` and ``data``, and comments, are passed over.
"""

from __future__ import annotations

import json

from serving.clients.results import Chunk
from serving.errors import InternalError, UnavailableError


class EventReader:
    """Bytes to events."""

    def __init__(self) -> None:
        self._rest = b""
        self._name = ""
        self._data: list[str] = []

    def feed(self, data: bytes) -> list[tuple[str, str]]:
        """The events that are complete now: (name, data), the name empty if it has none."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        events = []
        for line in lines:
            field, _, value = line.removesuffix(b"\r").decode("utf-8", errors="replace").partition(":")
            value = value.removeprefix(" ")
            if field == "data":
                self._data.append(value)
            elif field == "event":
                self._name = value
            elif not field and not value:
                if self._data:
                    events.append((self._name, "\n".join(self._data)))
                self._name, self._data = "", []
        return events


class ChunkReader:
    """The bytes of a ``:generateStream`` answer to chunks."""

    def __init__(self) -> None:
        self._events = EventReader()
        self.complete = False
        """The last chunk has come."""

    def feed(self, data: bytes) -> list[Chunk]:
        """The chunks that are complete now; no bytes say that nothing more comes."""
        if not data:
            raise UnavailableError("the stream ended before the text did: the server has stopped; try again")
        chunks = []
        for name, body in self._events.feed(data):
            chunks.append(_chunk(name, body))
            self.complete = self.complete or chunks[-1].finish_reason is not None
        return chunks


def _chunk(name: str, body: str) -> Chunk:
    try:
        fields = json.loads(body)
        if name != "error":
            return Chunk(
                fields["text"], fields["num_tokens"], fields.get("finish_reason"), fields.get("version")
            )
        message = fields["error"]
    except (ValueError, KeyError, TypeError):
        raise InternalError(f"the stream has an event that is none of Lexmill's: {body[:200]}") from None
    raise InternalError(message)
