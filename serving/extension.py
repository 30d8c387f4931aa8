"""What a server can carry besides TensorFlow Serving's protocols.

An extension is made before the first version is loaded, so that it can observe every
load, and may replace what computes a signature. Its routes go on the REST port, before
TensorFlow Serving's, which claim every other path.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from aiohttp import web

from serving.inference.prediction import ModelServer


class Extension(Protocol):
    """A part of the server with routes of its own."""

    def add_routes(self, application: web.Application) -> None:
        """Adds its routes; called once. Handlers run on the REST front's event loop, and are cancelled
        when their client goes away."""

    def close(self) -> None:
        """Ends what it runs; called once, when the ports are closed, before the models go."""


ExtensionFactory = Callable[[ModelServer], Extension]
"""Makes an extension for a server's models."""
