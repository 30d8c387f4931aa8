"""A bound on the requests that a server has taken on, waiting or running, over all protocols.

What comes beyond it is refused at once, before its body is parsed: a client that hears so
within a millisecond can go elsewhere, and the server's memory stays bounded.
"""

from __future__ import annotations

import threading
from types import TracebackType

from serving.errors import ResourceExhaustedError


class Admission:
    """Entered by each request with ``with``; ResourceExhaustedError when ``limit`` are inside."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._lock = threading.Lock()
        self._inside = 0

    def __enter__(self) -> None:
        with self._lock:
            if self._inside >= self.limit:
                raise ResourceExhaustedError(
                    f"the server has {self.limit} requests under way, as many as it takes: try again later"
                )
            self._inside += 1

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        with self._lock:
            self._inside -= 1
