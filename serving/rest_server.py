"""An aiohttp application on a thread of its own, started and stopped from outside it."""

from __future__ import annotations

import asyncio
import socket
import threading
from concurrent import futures

from aiohttp import web

from serving.errors import StartError
from serving.prediction import ModelServer
from serving.rest_front import build_application

_SETTLING_S = 0.05


class RestFront:
    """A REST server for ``models``, listening from ``start`` to ``stop``."""

    def __init__(
        self, models: ModelServer, host: str, port: int, num_threads: int, max_body_bytes: int, grace_s: float
    ) -> None:
        self._host = host
        self._grace_s = grace_s
        self._models = models
        self._num_threads = num_threads
        self._max_body_bytes = max_body_bytes
        self._socket = _bound_socket(host, port)
        self.port: int = self._socket.getsockname()[1]
        self._loop = asyncio.new_event_loop()
        self._stopping = asyncio.Event()
        self._listening: futures.Future[None] = futures.Future()
        self._thread = threading.Thread(target=self._run, name="rest", daemon=True)

    @property
    def url(self) -> str:
        return f"http://{self._host}:{self.port}"

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
        threads = futures.ThreadPoolExecutor(self._num_threads, "rest")
        # Bodies arrive as sent: ``inflated`` bounds what they may grow to.
        runner = web.AppRunner(
            build_application(self._models, threads, self._max_body_bytes),
            access_log=None,
            auto_decompress=False,
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
