"""The embedded server: one model over gRPC and REST, as TensorFlow Serving serves it.

For development, tests and the check before a push; in production the stock server reads
the same folders and answers the same requests. ``start`` returns once the newest
version answers on both ports; a thread then polls the base path for others::

    with Server(ServerConfig(model_name="shakespeare", model_base_path="/models/shakespeare")) as server:
        Client(server.grpc_address, model="shakespeare").generate(["To be"])

Not here: batching, warm-up requests, several models, TLS, monitoring.
"""

from __future__ import annotations

import dataclasses
import logging
import posixpath
import threading
from collections.abc import Mapping
from types import MappingProxyType, TracebackType

import tensorflow as tf

from serving.errors import StartError
from serving.grpc_front import GrpcFront
from serving.prediction import ModelServer
from serving.rest_server import RestFront
from serving.versions import LatestVersions, Retries, VersionRepository, version_folders

_log = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True)
class ServerConfig:
    """What to serve, and where. Names and defaults follow TensorFlow Serving's flags."""

    model_name: str
    model_base_path: str
    """The folder whose integer-named subfolders are versions; local or any scheme TensorFlow opens."""
    host: str = "127.0.0.1"
    """This machine only: there is no authentication."""
    port: int = 8500
    """gRPC; 0 picks a free one."""
    rest_api_port: int = 8501
    """REST; 0 picks a free one."""
    file_system_poll_wait_seconds: float = 1.0
    num_versions: int = 1
    """How many of the highest versions are served at once."""
    version_labels: Mapping[str, int] = dataclasses.field(default_factory=lambda: MappingProxyType({}))
    """Label -> version, as a second name for a served version."""
    max_num_load_retries: int = 5
    load_retry_interval_s: float = 60.0
    num_threads: int = 8
    """Requests under way at once, for each protocol; the others wait."""
    max_rest_body_bytes: int = 100 * 2**20
    """A larger REST body, compressed or not, is refused with 413. gRPC messages are not limited."""
    stop_grace_s: float = 10.0
    """How long ``stop`` waits for requests under way before it cuts them."""

    def __post_init__(self) -> None:
        if not self.model_name:
            raise StartError("model_name is empty: name the model, as it appears in /v1/models/NAME")
        for field in ("port", "rest_api_port"):
            if not 0 <= getattr(self, field) <= 65535:
                raise StartError(f"{field} is {getattr(self, field)}; expected 0 to 65535, 0 for a free one")
        for field in ("num_versions", "num_threads"):
            if getattr(self, field) < 1:
                raise StartError(f"{field} is {getattr(self, field)}; expected at least 1")
        if self.file_system_poll_wait_seconds <= 0:
            raise StartError(
                f"file_system_poll_wait_seconds is {self.file_system_poll_wait_seconds}; expected more than 0"
            )


class Server:
    """A server that runs from ``start`` to ``stop``, once."""

    def __init__(self, config: ServerConfig) -> None:
        self.config = config
        self._repository = VersionRepository(
            config.model_name,
            config.model_base_path,
            LatestVersions(config.num_versions),
            Retries(config.max_num_load_retries, config.load_retry_interval_s),
            config.version_labels,
        )
        self._models = ModelServer({config.model_name: self._repository})
        self._grpc: GrpcFront | None = None
        self._rest: RestFront | None = None
        self._stopping = threading.Event()
        self._poller = threading.Thread(target=self._poll, name="versions", daemon=True)

    def start(self) -> Server:
        """Loads the newest version, then opens the ports; StartError if either fails."""
        self._load_first()
        config = self.config
        try:
            self._grpc = GrpcFront(
                self._models, config.host, config.port, config.num_threads, config.stop_grace_s
            )
            self._rest = RestFront(
                self._models,
                config.host,
                config.rest_api_port,
                config.num_threads,
                config.max_rest_body_bytes,
                config.stop_grace_s,
            )
            self._rest.start()
        except BaseException:
            self.stop()
            raise
        self._grpc.start()
        self._poller.start()
        return self

    def stop(self) -> None:
        """Lets requests under way end, closes the ports and unloads the model. A second call does nothing."""
        self._stopping.set()
        grpc_stopped = self._grpc.begin_stop() if self._grpc else None
        if self._rest:
            self._rest.stop()
        if grpc_stopped:
            grpc_stopped.wait()
        if self._poller.ident is not None:
            self._poller.join()
        self._grpc = self._rest = None
        self._repository.unload_all()

    def __enter__(self) -> Server:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def grpc_address(self) -> str:
        """``host:port`` of the running gRPC server."""
        assert self._grpc is not None, "the server is not running"
        return self._grpc.address

    @property
    def rest_url(self) -> str:
        """``http://host:port`` of the running REST server."""
        assert self._rest is not None, "the server is not running"
        return self._rest.url

    @property
    def versions(self) -> list[int]:
        """The versions that answer, highest first."""
        return self._repository.available_versions()

    def _load_first(self) -> None:
        config = self.config
        what = f"cannot serve model {config.model_name}"
        expected = (
            "expected a folder with a SavedModel in a subfolder named by an integer version, "
            f"such as {posixpath.join(config.model_base_path, '1', 'saved_model.pb')}"
        )
        if not tf.io.gfile.isdir(config.model_base_path):
            raise StartError(
                f"{what}: the base path {config.model_base_path} is not a folder; {expected}: "
                "push a model there, or name another base path"
            )
        if not version_folders(config.model_base_path):
            raise StartError(
                f"{what}: no version under {config.model_base_path}; {expected}: "
                "push a model there, or name the folder above the version"
            )
        self._repository.poll()
        if not self.versions:
            reasons = "; ".join(
                f"version {status.version}: {status.error}" for status in self._repository.statuses()
            )
            raise StartError(f"{what}: nothing under {config.model_base_path} can be loaded: {reasons}")

    def _poll(self) -> None:
        while not self._stopping.wait(self.config.file_system_poll_wait_seconds):
            try:
                self._repository.poll()
            except Exception:
                # The versions that are loaded go on answering; the next poll tries again.
                _log.exception("polling %s failed", self.config.model_base_path)
