"""TensorFlow Serving's PredictionService and ModelService.

Translates messages to calls of ``ModelServer`` and errors to status codes; decides
nothing itself.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from typing import TypeVar

import grpc
from tensorflow_serving.apis import (
    classification_pb2,
    get_model_metadata_pb2,
    get_model_status_pb2,
    inference_pb2,
    model_management_pb2,
    model_service_pb2_grpc,
    predict_pb2,
    prediction_service_pb2_grpc,
    regression_pb2,
)

from serving.call import Call
from serving.errors import Code, status_of
from serving.inference.admission import Admission
from serving.inference.prediction import ModelServer
from serving.inference.specs import given_spec, signature_of
from serving.servables.servable import check_num_inputs
from serving.servables.tensor_protos import proto_from_tensor, tensor_from_proto

_Response = TypeVar("_Response")


class Answering:
    """What every method does besides its own work: admission, deadline, status codes, metrics."""

    def __init__(self, models: ModelServer, admission: Admission) -> None:
        self.models = models
        self._admission = admission

    def inference(
        self, context: grpc.ServicerContext, api: str, model_name: str, work: Callable[[Call], _Response]
    ) -> _Response:
        """The answer to a request that a model computes, counted and bounded."""
        begun_s = time.perf_counter()
        code: Code | None = None
        try:
            with self._admission, _call(context) as call:
                return work(call)
        except Exception as error:
            code, message = status_of(error)
            context.abort(grpc.StatusCode[code.name], message)
            raise AssertionError("abort raises") from error
        finally:
            seconds = time.perf_counter() - begun_s
            self.models.metrics.record_request(model_name, api, "GRPC", code, seconds)

    def description(self, context: grpc.ServicerContext, work: Callable[[], _Response]) -> _Response:
        """The answer to a request about the server itself."""
        try:
            return work()
        except Exception as error:
            code, message = status_of(error)
            context.abort(grpc.StatusCode[code.name], message)
            raise AssertionError("abort raises") from error


class PredictionServicer(prediction_service_pb2_grpc.PredictionServiceServicer):
    """Predict, Classify, Regress, MultiInference and GetModelMetadata."""

    def __init__(self, answering: Answering, answer_as_content: bool = False) -> None:
        self._answering = answering
        self._models = answering.models
        self._as_content = answer_as_content

    def Predict(
        self, request: predict_pb2.PredictRequest, context: grpc.ServicerContext
    ) -> predict_pb2.PredictResponse:
        return self._answering.inference(
            context, "Predict", request.model_spec.name, lambda call: self._predicted(request, call)
        )

    def Classify(
        self, request: classification_pb2.ClassificationRequest, context: grpc.ServicerContext
    ) -> classification_pb2.ClassificationResponse:
        return self._answering.inference(
            context, "Classify", request.model_spec.name, lambda call: self._models.classify(request, call)
        )

    def Regress(
        self, request: regression_pb2.RegressionRequest, context: grpc.ServicerContext
    ) -> regression_pb2.RegressionResponse:
        return self._answering.inference(
            context, "Regress", request.model_spec.name, lambda call: self._models.regress(request, call)
        )

    def MultiInference(
        self, request: inference_pb2.MultiInferenceRequest, context: grpc.ServicerContext
    ) -> inference_pb2.MultiInferenceResponse:
        model_name = request.tasks[0].model_spec.name if request.tasks else ""
        return self._answering.inference(
            context, "MultiInference", model_name, lambda call: self._models.multi_inference(request, call)
        )

    def GetModelMetadata(
        self, request: get_model_metadata_pb2.GetModelMetadataRequest, context: grpc.ServicerContext
    ) -> get_model_metadata_pb2.GetModelMetadataResponse:
        return self._answering.description(context, lambda: self._models.metadata(request))

    def _predicted(self, request: predict_pb2.PredictRequest, call: Call) -> predict_pb2.PredictResponse:
        spec = given_spec(request)
        # Chooses the version first: an unknown one is reported before a broken tensor.
        with self._models.acquire(spec) as lease:
            check_num_inputs(lease.servable.signature(signature_of(spec)), request.inputs)
            inputs = {alias: tensor_from_proto(proto, alias) for alias, proto in request.inputs.items()}
            prediction = self._models.predict(lease, spec.signature_name, inputs, request.output_filter, call)
        response = predict_pb2.PredictResponse(model_spec=prediction.model_spec)
        for alias, tensor in prediction.outputs.items():
            response.outputs[alias].CopyFrom(proto_from_tensor(tensor, self._as_content))
        return response


class ModelServicer(model_service_pb2_grpc.ModelServiceServicer):
    """GetModelStatus and HandleReloadConfigRequest."""

    def __init__(self, answering: Answering) -> None:
        self._answering = answering

    def GetModelStatus(
        self, request: get_model_status_pb2.GetModelStatusRequest, context: grpc.ServicerContext
    ) -> get_model_status_pb2.GetModelStatusResponse:
        return self._answering.description(context, lambda: self._answering.models.status(request))

    def HandleReloadConfigRequest(
        self, request: model_management_pb2.ReloadConfigRequest, context: grpc.ServicerContext
    ) -> model_management_pb2.ReloadConfigResponse:
        return self._answering.description(context, lambda: self._answering.models.reload(request))


@contextlib.contextmanager
def _call(context: grpc.ServicerContext) -> Iterator[Call]:
    call = Call(context.time_remaining())
    if not context.add_callback(call.cancel):
        call.cancel()
    try:
        yield call
    finally:
        call.end()
