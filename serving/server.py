"""The embedded server: models over gRPC and REST, as TensorFlow Serving serves them.

For development, tests and the check before a push, and wherever the stock server is not at
hand; that one reads the same folders and files and answers the same requests. ``start``
returns once every model answers on both ports; a thread then polls for other versions::

    with Server(ServerConfig(model_name="shakespeare", model_base_path="/models/shakespeare")) as server:
        Client(server.grpc_address, model="shakespeare").generate(["To be"])
"""

from __future__ import annotations

import logging
import os
import posixpath
import threading
import time
from collections.abc import Sequence
from types import TracebackType

import tensorflow as tf

from serving.batching.execution import Batching, Slots
from serving.batching.parameters import BatchingParameters, parameters_from_proto
from serving.errors import FailedPreconditionError, ServingError, StartError
from serving.extension import ExtensionFactory
from serving.inference.admission import Admission
from serving.inference.prediction import ModelServer
from serving.inference.warming import warm_up
from serving.monitoring.server_metrics import PROMETHEUS_PATH, ServerMetrics
from serving.object_storage import open_for
from serving.rest.application import RestConfig
from serving.rest.front import RestFront
from serving.rpc.front import GrpcFront, RpcConfig
from serving.servables.servable import Execute, Servable, load_servable
from serving.settings.credentials import server_credentials
from serving.settings.server_config import ServerConfig
from serving.settings.text_protos import read_batching_parameters, read_monitoring_config
from serving.versions.catalog import Catalog
from serving.versions.policies import ModelConfig
from serving.versions.repository import Retries, VersionStatus, version_folders

__all__ = ["Server", "ServerConfig"]

_log = logging.getLogger(__name__)


class Server:
    """A server that runs from ``start`` to ``stop``, once."""

    def __init__(self, config: ServerConfig, extensions: Sequence[ExtensionFactory] = ()) -> None:
        self.config = config
        self._slots = Slots(config.max_running or 4 * (os.cpu_count() or 1))
        self._batching = _batching(config)
        self._catalog = Catalog(
            Retries(config.max_num_load_retries, config.load_retry_interval_micros / 1e6),
            self._load,
            self._warm_up,
            config.allow_version_labels_for_unavailable_models,
        )
        self._metrics = ServerMetrics()
        self._catalog.observe(self._metrics)
        self._admission = Admission(config.max_requests)
        self.models = ModelServer(self._catalog, self._metrics, config.enable_signature_method_name_check)
        """What the fronts ask; an extension gets it too."""
        self._extensions = [extension(self.models) for extension in extensions]
        self._grpc: GrpcFront | None = None
        self._rest: RestFront | None = None
        self._stopping = threading.Event()
        self._poller = threading.Thread(target=self._poll, name="versions", daemon=True)

    def start(self) -> Server:
        """Loads every model, then opens the ports; StartError if either fails."""
        try:
            self._load_first(self.config.models())
            self._grpc = GrpcFront(self.models, self._admission, self._rpc_config())
            self._rest = RestFront(
                self.models,
                self._admission,
                self.config.host,
                self.config.rest_api_port,
                self.config.stop_grace_s,
                self._rest_config(),
                self._extensions,
            )
            self._rest.start()
        except BaseException:
            self.stop()
            raise
        self._grpc.start()
        self._poller.start()
        return self

    def stop(self) -> None:
        """Lets requests under way end, closes the ports, unloads the models. A second call does nothing.

        A load, or a batch, that is under way is waited for as long as requests are, and then left behind.
        """
        grace_s = self.config.stop_grace_s
        self._stopping.set()
        grpc_stopped = self._grpc.begin_stop() if self._grpc else None
        if self._rest:
            self._rest.stop()
        if grpc_stopped:
            grpc_stopped.wait()
        if self._poller.ident is not None:
            self._poller.join(grace_s)
        self._grpc = self._rest = None
        while self._extensions:
            self._extensions.pop().close()
        if self._batching:
            self._batching.close(grace_s)
        self._catalog.unload_all(grace_s)

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
        """The versions of the only model, or of the first by name, that answer; highest first."""
        return next(iter(self.served().values()), [])

    def served(self) -> dict[str, list[int]]:
        """Each model's versions that answer, highest first."""
        return self.models.available()

    def _load(self, version_dir: str) -> Servable:
        execute: Execute = self._slots.run
        if self._batching:
            execute = self._batching.execute_for(version_dir, execute)
        return load_servable(version_dir, execute)

    def _warm_up(self, servable: Servable) -> None:
        if self.config.enable_model_warmup:
            warm_up(servable, max(1, self.config.num_request_iterations_for_warmup))

    def _load_first(self, models: Sequence[ModelConfig]) -> None:
        open_for(*(model.base_path for model in models))
        for model in models:
            _check_base_path(model)
        try:
            self._catalog.configure(models)
        except FailedPreconditionError as error:
            raise StartError(
                f"{error}: start with --allow_version_labels_for_unavailable_models, or give the label by a "
                "reload once the version is loaded"
            ) from error
        except ServingError as error:
            failed = [_failure(model, self._catalog) for model in models if not self.served().get(model.name)]
            raise StartError("; ".join(failed) or f"cannot serve: {error}") from error

    def _rpc_config(self) -> RpcConfig:
        config = self.config
        return RpcConfig(
            host=config.host,
            port=config.port,
            grace_s=config.stop_grace_s,
            credentials=server_credentials(config.ssl_config_file) if config.ssl_config_file else None,
            health=config.enable_grpc_healthcheck_service,
            reflection=config.enable_grpc_reflection,
            channel_arguments=_channel_arguments(config.grpc_channel_arguments),
            answer_as_content=config.enable_serialization_as_tensor_content,
        )

    def _rest_config(self) -> RestConfig:
        config = self.config
        return RestConfig(
            max_body_bytes=config.max_rest_body_bytes,
            timeout_s=config.rest_api_timeout_in_ms / 1e3 or None,
            cors=config.rest_api_enable_cors_support,
            prometheus_path=_prometheus_path(config.monitoring_config_file),
        )

    def _poll(self) -> None:
        """Looks for versions, and at the models' file, each at its own pace."""
        config = self.config
        every_s = {
            self._catalog.poll: config.file_system_poll_wait_seconds,
            self._reload: config.model_config_file_poll_wait_seconds if config.model_config_file else 0.0,
        }
        due_s = {look: time.monotonic() + wait_s for look, wait_s in every_s.items() if wait_s > 0}
        while due_s and not self._stopping.wait(max(0.0, min(due_s.values()) - time.monotonic())):
            look = min(due_s, key=lambda look: due_s[look])
            try:
                for name, failed in look().items():
                    for found in failed:
                        _log.warning(
                            "version %d of model %s is not served: %s", found.version, name, found.error
                        )
            except Exception as error:
                # The versions that are loaded go on answering; the next look tries again.
                _log.error(
                    "looking for models failed: %s", error, exc_info=not isinstance(error, ServingError)
                )
            due_s[look] = time.monotonic() + every_s[look]

    def _reload(self) -> dict[str, list[VersionStatus]]:
        return self._catalog.configure(self.config.models())


def _failure(model: ModelConfig, catalog: Catalog) -> str:
    repository = catalog.repository(model.name)
    broken = (
        [f"version {found.version}: {found.error}" for found in repository.statuses()] if repository else []
    )
    return (
        f"cannot serve model {model.name}: nothing under {model.base_path} can be loaded: "
        f"{'; '.join(broken) or 'none of its versions is among those to serve'}"
    )


def _batching(config: ServerConfig) -> Batching | None:
    if not config.enable_batching:
        return None
    parameters = BatchingParameters()
    if config.batching_parameters_file:
        parameters = parameters_from_proto(read_batching_parameters(config.batching_parameters_file))
    return Batching(parameters, config.enable_per_model_batching_parameters)


def _prometheus_path(file: str) -> str | None:
    if not file:
        return None
    prometheus = read_monitoring_config(file).prometheus_config
    if prometheus.path and not prometheus.path.startswith("/"):
        raise StartError(f"the path {prometheus.path!r} in {file} does not begin with '/'")
    return (prometheus.path or PROMETHEUS_PATH) if prometheus.enable else None


def _channel_arguments(text: str) -> tuple[tuple[str, str | int], ...]:
    arguments = []
    for argument in filter(None, text.split(",")):
        name, found, value = argument.partition("=")
        if not found:
            raise StartError(f"grpc_channel_arguments: {argument!r} is not of the form name=value")
        arguments.append((name, int(value) if value.lstrip("-").isdecimal() else value))
    return tuple(arguments)


def _check_base_path(model: ModelConfig) -> None:
    what = f"cannot serve model {model.name}"
    expected = (
        "expected a folder with a SavedModel in a subfolder named by an integer version, "
        f"such as {posixpath.join(model.base_path, '1', 'saved_model.pb')}"
    )
    if not tf.io.gfile.isdir(model.base_path):
        raise StartError(
            f"{what}: the base path {model.base_path} is not a folder; {expected}: "
            "push a model there, or name another base path"
        )
    if not version_folders(model.base_path):
        raise StartError(
            f"{what}: no version under {model.base_path}; {expected}: "
            "push a model there, or name the folder above the version"
        )
