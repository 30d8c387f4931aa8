"""Keeps a worker process of Beam's local runner from waiting for ever, and a run from waiting for it.

A run that is killed, as by a machine that is out of memory, cannot end its workers, and Beam's wait for it
for ever, each with 200 MB. So every worker looks, now and then, whether the run's control server still
listens.

And a worker that fails prints why before it tells the run. Where it cannot, as the log is on a disk that is
full, the run would never be told: so what cannot be printed is let go.

Workers import this module as a plugin of Beam's (``--beam_plugin``); elsewhere, importing it does nothing.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import socket
import sys
import threading
import time
from collections.abc import Callable
from typing import TextIO

_DESCRIPTOR = "CONTROL_API_SERVICE_DESCRIPTOR"
"""Environment variable in which the local runner tells its workers where it listens."""
_BETWEEN_LOOKS_S = 3.0
_LOOKS = 3
"""In a row without anyone there: a runner that ends in order stops listening a moment before they end."""


def watch(
    address: tuple[str, int],
    between_looks_s: float = _BETWEEN_LOOKS_S,
    end: Callable[[int], None] = os._exit,
) -> None:
    """Returns, or ends the process, when nobody listens any more."""
    missed = 0
    while missed < _LOOKS:
        time.sleep(between_looks_s)
        missed = 0 if _listens(address) else missed + 1
    end(1)


def address_of(descriptor: str) -> tuple[str, int] | None:
    """``url: "localhost:37087"`` as host and port."""
    found = re.search(r'url: "(.+):([0-9]+)"', descriptor)
    return (found[1].strip("[]"), int(found[2])) if found else None


class Forgiving(io.TextIOBase):
    """A stream that takes everything, written or not."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        with contextlib.suppress(OSError):
            self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        with contextlib.suppress(OSError):
            self._stream.flush()

    def fileno(self) -> int:
        return self._stream.fileno()


def _listens(address: tuple[str, int]) -> bool:
    try:
        with socket.create_connection(address, timeout=60):
            return True
    except ConnectionRefusedError:
        return False
    except OSError:  # Too busy, or out of file descriptors: no sign that it is gone.
        return True


_found = address_of(os.environ.get(_DESCRIPTOR, ""))
if _found is not None:
    sys.stderr = Forgiving(sys.stderr)
    threading.Thread(target=watch, args=(_found,), name="worker_watch", daemon=True).start()
