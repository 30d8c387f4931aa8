"""The gRPC front: TensorFlow Serving's PredictionService and ModelService.

Translates messages to calls of ``ModelServer`` and errors to status codes; decides
nothing itself. Classify, Regress, MultiInference, session runs and configuration
reloads answer UNIMPLEMENTED, as the generated base classes do.
"""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Iterator
from concurrent import futures

import grpc
from tensorflow_serving.apis import (
    get_model_metadata_pb2,
    get_model_status_pb2,
    model_service_pb2_grpc,
    predict_pb2,
    prediction_service_pb2_grpc,
)

from serving.errors import Code, ServingError, StartError
from serving.prediction import ModelServer, given_spec
from serving.tensor_protos import proto_from_tensor, tensor_from_proto

_log = logging.getLogger(__name__)

_OPTIONS = (
    ("grpc.max_receive_message_length", -1),
    ("grpc.max_send_message_length", -1),
    # A second server on a port is an error, not a share of its requests.
    ("grpc.so_reuseport", 0),
)


class PredictionServicer(prediction_service_pb2_grpc.PredictionServiceServicer):
    """Predict and GetModelMetadata."""

    def __init__(self, models: ModelServer) -> None:
        self._models = models

    def Predict(
        self, request: predict_pb2.PredictRequest, context: grpc.ServicerContext
    ) -> predict_pb2.PredictResponse:
        with _status_codes(context):
            spec = given_spec(request)
            # Chooses the model first: an unknown one is reported before a broken tensor.
            self._models.check_available(spec)
            inputs = {alias: tensor_from_proto(proto, alias) for alias, proto in request.inputs.items()}
            prediction = self._models.predict(spec, inputs, request.output_filter)
            response = predict_pb2.PredictResponse(model_spec=prediction.model_spec)
            for alias, tensor in prediction.outputs.items():
                response.outputs[alias].CopyFrom(proto_from_tensor(tensor))
            return response

    def GetModelMetadata(
        self, request: get_model_metadata_pb2.GetModelMetadataRequest, context: grpc.ServicerContext
    ) -> get_model_metadata_pb2.GetModelMetadataResponse:
        with _status_codes(context):
            return self._models.metadata(request)


class ModelServicer(model_service_pb2_grpc.ModelServiceServicer):
    """GetModelStatus."""

    def __init__(self, models: ModelServer) -> None:
        self._models = models

    def GetModelStatus(
        self, request: get_model_status_pb2.GetModelStatusRequest, context: grpc.ServicerContext
    ) -> get_model_status_pb2.GetModelStatusResponse:
        with _status_codes(context):
            return self._models.status(request)


class GrpcFront:
    """A gRPC server for ``models``, listening from ``start`` to ``stop``."""

    def __init__(self, models: ModelServer, host: str, port: int, num_threads: int, grace_s: float) -> None:
        self._grace_s = grace_s
        self._host = host
        self._server = grpc.server(futures.ThreadPoolExecutor(num_threads, "grpc"), options=_OPTIONS)
        prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(
            PredictionServicer(models), self._server
        )
        model_service_pb2_grpc.add_ModelServiceServicer_to_server(ModelServicer(models), self._server)
        try:
            self.port = self._server.add_insecure_port(f"{host}:{port}")
        except RuntimeError as error:
            raise StartError(
                f"cannot listen for gRPC on {host}:{port}: the address is taken or not this machine's; "
                "name another port, or 0 for a free one"
            ) from error

    @property
    def address(self) -> str:
        return f"{self._host}:{self.port}"

    def start(self) -> None:
        self._server.start()

    def begin_stop(self) -> threading.Event:
        """Refuses new calls, cancels those that outlast ``grace_s``; the event is set once all ended."""
        return self._server.stop(self._grace_s)


@contextlib.contextmanager
def _status_codes(context: grpc.ServicerContext) -> Iterator[None]:
    try:
        yield
    except ServingError as error:
        context.abort(grpc.StatusCode[error.code.name], error.wire_message)
    except Exception as error:
        _log.exception("a gRPC request failed")
        context.abort(grpc.StatusCode[Code.INTERNAL.name], f"{type(error).__name__}: {error}"[:1024])
