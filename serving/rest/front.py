"""An aiohttp application on a thread of its own, started and stopped from outside it."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Sequence
from concurrent import futures

from aiohttp import web

from serving.errors import StartError
from serving.extension import Extension
from serving.inference.admission import Admission
from serving.inference.prediction import ModelServer
from serving.rest.application import RestApplication, RestConfig

_SETTLING_S = 0.05
_SPARE_THREADS = 8
"""Beyond the requests taken on: for refusing others, and for status and metadata."""


class RestFront:
    """A REST server for ``models``, listening from ``start`` to ``stop``."""

    def __init__(
        self,
        models: ModelServer,
        admission: Admission,
        host: str,
        port: int,
        grace_s: float,
        config: RestConfig,
        extensions: Sequence[Extension] = (),
    ) -> None:
        self._host = host
        self._grace_s = grace_s
        self._models = models
        self._admission = admission
        self._config = config
        self._extensions = extensions
        self._socket = _bound_socket(host, port)
        self.port: int = self._socket.getsockname()[1]
        self._loop = asyncio.new_event_loop()
        self._stopping = asyncio.Event()
        self._listening: futures.Future[None] = futures.Future()
        self._thread = threading.Thread(target=self._run, name="rest", daemon=True)

    @property
    def url(self) -> str:
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"http://{host}:{self.port}"

    def start(self) -> None:
        self._thread.start()
        self._listening.result()

    def stop(self) -> None:
        """Refuses new connections, lets requests under way end for ``grace_s``, then cuts them."""
        if self._thread.ident is None:
            self._socket.close()
            self._loop.close()
            return
        self._loop.call_soon_threadsafe(self._stopping.set)
        self._thread.join()

    def _run(self) -> None:
        try:
            self._loop.run_until_complete(self._serve())
        finally:
            self._loop.close()

    async def _serve(self) -> None:
        threads = futures.ThreadPoolExecutor(self._admission.limit + _SPARE_THREADS, "rest")
        application = RestApplication(self._models, self._admission, threads, self._config)
        # Bodies arrive as sent: ``inflated`` bounds what they may grow to.
        runner = web.AppRunner(
            application.build(self._extensions),
            access_log=None,
            auto_decompress=False,
            handler_cancellation=True,
            shutdown_timeout=self._grace_s,
        )
        try:
            await runner.setup()
            await web.SockSite(runner, self._socket).start()
        except BaseException as error:
            self._listening.set_exception(error)
            raise
        self._listening.set_result(None)
        await self._stopping.wait()
        # asyncio loses a connection accepted just before its server is closed: accept no more, and let
        # those accepted become connections that the runner knows and ends.
        self._loop.remove_reader(self._socket)
        await asyncio.sleep(_SETTLING_S)
        await runner.cleanup()
        threads.shutdown(wait=False, cancel_futures=True)


def _bound_socket(host: str, port: int) -> socket.socket:
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listener = socket.socket(family, socket.SOCK_STREAM)
    except OSError as error:
        raise StartError(
            f"cannot listen for REST on {host}:{port}: {error.strerror}; name another host"
        ) from error
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
    except OSError as error:
        listener.close()
        raise StartError(
            f"cannot listen for REST on {host}:{port}: {error.strerror}; "
            "name another --rest_api_port, or 0 for a free one"
        ) from error
    return listener
