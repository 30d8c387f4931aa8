"""The gRPC front: a server with TensorFlow Serving's services, listening from start to stop.

Health checking (grpc.health.v1) and reflection are there when asked for. Messages may have
any size up to 2 GiB, as there.
"""

from __future__ import annotations

import dataclasses
import threading
from concurrent import futures

import grpc
from tensorflow_serving.apis import (
    model_service_pb2,
    model_service_pb2_grpc,
    prediction_service_pb2,
    prediction_service_pb2_grpc,
)

from serving.errors import StartError
from serving.inference.admission import Admission
from serving.inference.prediction import ModelServer
from serving.rpc.services import Answering, ModelServicer, PredictionServicer

_OPTIONS = (
    ("grpc.max_receive_message_length", -1),
    ("grpc.max_send_message_length", -1),
    # A second server on a port is an error, not a share of its requests.
    ("grpc.so_reuseport", 0),
)

_SPARE_THREADS = 8
"""Beyond the requests taken on: for refusing others, and for status and metadata."""


@dataclasses.dataclass(frozen=True)
class RpcConfig:
    """How the gRPC front listens."""

    host: str
    port: int
    grace_s: float
    credentials: grpc.ServerCredentials | None = None
    """TLS; None: in the clear."""
    health: bool = False
    reflection: bool = False
    channel_arguments: tuple[tuple[str, str | int], ...] = ()
    answer_as_content: bool = False
    """Tensors of answers in ``tensor_content`` rather than in the typed fields."""


class GrpcFront:
    """A gRPC server for ``models``, listening from ``start`` to ``stop``."""

    def __init__(self, models: ModelServer, admission: Admission, config: RpcConfig) -> None:
        self._config = config
        threads = futures.ThreadPoolExecutor(admission.limit + _SPARE_THREADS, "grpc")
        self._server = grpc.server(threads, options=(*_OPTIONS, *config.channel_arguments))
        answering = Answering(models, admission)
        prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(
            PredictionServicer(answering, config.answer_as_content), self._server
        )
        model_service_pb2_grpc.add_ModelServiceServicer_to_server(ModelServicer(answering), self._server)
        services = [
            prediction_service_pb2.DESCRIPTOR.services_by_name["PredictionService"].full_name,
            model_service_pb2.DESCRIPTOR.services_by_name["ModelService"].full_name,
        ]
        if config.health:
            services.append(_add_health(self._server, services))
        if config.reflection:
            _add_reflection(self._server, services)
        self.port = self._listening_port()

    @property
    def address(self) -> str:
        return f"{self._config.host}:{self.port}"

    def start(self) -> None:
        self._server.start()

    def begin_stop(self) -> threading.Event:
        """Refuses new calls, cancels those that outlast the grace; the event is set once all ended."""
        return self._server.stop(self._config.grace_s)

    def _listening_port(self) -> int:
        config = self._config
        host = f"[{config.host}]" if ":" in config.host else config.host
        address = f"{host}:{config.port}"
        try:
            if config.credentials:
                return self._server.add_secure_port(address, config.credentials)
            return self._server.add_insecure_port(address)
        except RuntimeError as error:
            raise StartError(
                f"cannot listen for gRPC on {address}: the address is taken or not this machine's, "
                "or the TLS key and certificate do not fit; name another port, or 0 for a free one"
            ) from error


def _add_health(server: grpc.Server, services: list[str]) -> str:
    """Health for the server as a whole and each service, under the stock server's short names too."""
    from grpc_health.v1 import health, health_pb2, health_pb2_grpc

    servicer = health.HealthServicer()
    for name in ("", *services, *(service.rsplit(".", 1)[1] for service in services)):
        servicer.set(name, health_pb2.HealthCheckResponse.SERVING)
    health_pb2_grpc.add_HealthServicer_to_server(servicer, server)
    return health.SERVICE_NAME


def _add_reflection(server: grpc.Server, services: list[str]) -> None:
    from grpc_reflection.v1alpha import reflection

    reflection.enable_server_reflection([*services, reflection.SERVICE_NAME], server)
