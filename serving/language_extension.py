"""What the embedded server has for language models, besides TensorFlow Serving's protocols.

An engine for each loaded version, streaming at ``:generateStream``, OpenAI's API, and the page
at ``/``.
"""

from __future__ import annotations

from aiohttp import web

from serving.engine.engine import EngineConfig
from serving.engine.service import EngineService
from serving.inference.prediction import ModelServer
from serving.openai.routes import OpenAIRoutes
from serving.rest import streaming
from serving.web.pages import Pages


class LanguageExtension:
    """See `serving.extension.Extension`."""

    def __init__(self, models: ModelServer, config: EngineConfig = EngineConfig()) -> None:  # noqa: B008
        self._service = EngineService(models, config)

    def add_routes(self, application: web.Application) -> None:
        """Adds all of the module's routes."""
        OpenAIRoutes(self._service).add_to(application)
        Pages(self._service.models).add_to(application)
        application.router.add_post(streaming.PATH, self._generate_stream)

    def close(self) -> None:
        """Ends the engines."""
        self._service.close()

    async def _generate_stream(self, request: web.Request) -> web.StreamResponse:
        return await streaming.generate_stream(self._service, request)
