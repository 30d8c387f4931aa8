"""The page's files, and what it shows of the models.

Static files and one JSON document; nothing is fetched from elsewhere, and the content
security policy lets nothing be.
"""

from __future__ import annotations

import json
from importlib import resources
from typing import Any

import tensorflow as tf
from aiohttp import web
from tensorflow_serving.apis import model_pb2

from serving.engine.model import is_stepwise
from serving.errors import ServingError
from serving.inference.prediction import ModelServer

_MANIFEST = "assets.extra/lexmill.json"
_SHOWN = ("num_parameters", "vocabulary_size", "context_length", "training_tokens", "evaluation")
_SHOWN_OF_NETWORK = ("family", "style", "num_layers", "hidden_dim")
_SCRIPTS = ("app.js", "card.js", "events.js", "tip.js", "tokens.js")
_FILES = {
    "/": ("index.html", "text/html"),
    "/web/style.css": ("style.css", "text/css"),
    **{f"/web/{name}": (name, "text/javascript") for name in _SCRIPTS},
}
_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
}


class Pages:
    """Handlers for one server's models."""

    def __init__(self, models: ModelServer) -> None:
        self._models = models

    def add_to(self, application: web.Application) -> None:
        for path in _FILES:
            application.router.add_get(path, self._file)
        application.router.add_get("/web/models", self._list)

    async def _file(self, request: web.Request) -> web.Response:
        name, content_type = _FILES[request.path]
        text = resources.files(__package__).joinpath(name).read_text(encoding="utf-8")
        return web.Response(text=text, content_type=content_type, charset="utf-8", headers=_HEADERS)

    async def _list(self, request: web.Request) -> web.Response:
        models = [
            {"name": name, "versions": [self._version(name, version) for version in versions]}
            for name, versions in self._models.available().items()
        ]
        return web.json_response({"models": models}, headers=_HEADERS)

    def _version(self, name: str, version: int) -> dict[str, Any]:
        spec = model_pb2.ModelSpec(name=name)
        spec.version.value = version
        try:
            with self._models.acquire(spec) as lease:
                servable = lease.servable
                described = _described(servable.version_dir)
                return {"version": version, "streams": is_stepwise(servable.model), **described}
        except ServingError:
            # Unloaded since it was listed.
            return {"version": version, "streams": False}


def _described(version_dir: str) -> dict[str, Any]:
    """What the model says of itself; nothing for one that Lexmill did not export."""
    try:
        with tf.io.gfile.GFile(f"{version_dir}/{_MANIFEST}") as file:
            manifest = json.loads(file.read())
    except (tf.errors.OpError, ValueError):
        return {}
    if not isinstance(manifest, dict):
        return {}
    network = manifest.get("model")
    found = {name: manifest.get(name) for name in _SHOWN}
    if isinstance(network, dict):
        found["network"] = {name: network.get(name) for name in _SHOWN_OF_NETWORK}
    return found
