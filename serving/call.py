"""One request as the code behind the fronts sees it: by when its answer is wanted, and whether anyone waits.

A front makes a ``Call`` for each request, with the deadline the client gave, and cancels
it when the client goes away. Whoever waits or works for it asks ``check`` at each step,
or leaves a callback. Safe to use from any thread. Standard library only.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from serving.errors import CancelledError, DeadlineExceededError

_CENTURY_S = 3.2e9


class Call:
    """A request under way."""

    def __init__(self, timeout_s: float | None = None) -> None:
        """Without ``timeout_s``, or with one beyond a century, there is no deadline."""
        if timeout_s is not None and timeout_s > _CENTURY_S:
            timeout_s = None
        self._timeout_s = timeout_s
        self._deadline_s = None if timeout_s is None else time.monotonic() + timeout_s
        self._lock = threading.Lock()
        self._cancelled = False
        self._ended = False
        self._callbacks: list[Callable[[], None]] = []

    def cancel(self) -> None:
        """Says that nobody waits for the answer any more. A second call does nothing."""
        with self._lock:
            if self._ended:
                return
            self._cancelled = True
            callbacks, self._callbacks = self._callbacks, []
        for callback in callbacks:
            callback()

    def when_cancelled(self, callback: Callable[[], None]) -> None:
        """Calls ``callback`` once, in the cancelling thread; at once if the call is cancelled already, never
        after ``end``. It must not block."""
        with self._lock:
            if not self._cancelled:
                self._callbacks.append(callback)
                return
        callback()

    def end(self) -> None:
        """Says that the answer is there: a cancellation that comes later means nothing."""
        with self._lock:
            self._ended = True
            self._callbacks.clear()

    @property
    def cancelled(self) -> bool:
        return self._cancelled

    @property
    def remaining_s(self) -> float | None:
        """Until the deadline, at least 0; None if there is no deadline."""
        return None if self._deadline_s is None else max(0.0, self._deadline_s - time.monotonic())

    def check(self) -> None:
        """Raises CancelledError or DeadlineExceededError if the answer is not wanted any more."""
        if self._cancelled:
            raise CancelledError("the client has gone")
        if self.remaining_s == 0.0:
            raise DeadlineExceededError(f"the answer was wanted within {self._timeout_s:g} s")
