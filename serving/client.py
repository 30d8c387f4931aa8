"""A client of a served Lexmill model, over gRPC: TensorFlow Serving's own or the embedded server.

Needs tensorflow-serving-api and no other part of the project::

    with Client("127.0.0.1:8500", model="shakespeare") as client:
        client.wait_until_ready(timeout_s=30)
        for generation in client.generate(["To be"], max_new_tokens=20, stop=["\\n"]):
            print(generation.text)

Where nothing can be installed, ``serving.rest_client.RestClient`` does the same over
REST with the standard library alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from types import TracebackType
from typing import Any

import grpc
from tensorflow.core.framework import tensor_pb2, types_pb2
from tensorflow_serving.apis import (
    get_model_status_pb2,
    model_pb2,
    model_service_pb2_grpc,
    predict_pb2,
    prediction_service_pb2_grpc,
)

from serving import contract
from serving.errors import Code, DeadlineExceededError, ServingError, UnavailableError, error_for
from serving.language_model import Columns, Generation, LanguageModel, Score, ServedVersion
from serving.rest_client import RestClient

__all__ = ["Client", "Generation", "LanguageModel", "RestClient", "Score", "ServedVersion"]

_OPTIONS = (
    ("grpc.max_receive_message_length", -1),
    ("grpc.max_send_message_length", -1),
    ("grpc.enable_http_proxy", 0),
)

_FIELDS = {
    "string": (types_pb2.DT_STRING, "string_val"),
    "int32": (types_pb2.DT_INT32, "int_val"),
    "float32": (types_pb2.DT_FLOAT, "float_val"),
}
"""The contract's dtype names -> the enum and TensorProto's field."""


class Client(LanguageModel):
    """A language model served at ``target``, ``host:port``; its newest version unless told."""

    def __init__(self, target: str, model: str, version: int | None = None, label: str | None = None) -> None:
        self.target = target
        self._spec = model_pb2.ModelSpec(name=model, version_label=label)
        if version is not None:
            self._spec.version.value = version
        self._channel = grpc.insecure_channel(target, options=_OPTIONS)
        self._predictions = prediction_service_pb2_grpc.PredictionServiceStub(self._channel)
        self._models = model_service_pb2_grpc.ModelServiceStub(self._channel)

    def model_status(self, timeout_s: float = 10.0) -> list[ServedVersion]:
        request = get_model_status_pb2.GetModelStatusRequest(model_spec=self._spec)
        answer = self._called(self._models.GetModelStatus, request, timeout_s)
        state_name = get_model_status_pb2.ModelVersionStatus.State.Name
        return [
            ServedVersion(status.version, state_name(status.state), status.status.error_message)
            for status in answer.model_version_status
        ]

    def close(self) -> None:
        """Ends the connection."""
        self._channel.close()

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def _predict(self, signature_name: str, columns: Columns, timeout_s: float) -> Columns:
        request = predict_pb2.PredictRequest(model_spec=self._spec)
        request.model_spec.signature_name = signature_name
        for field in contract.SIGNATURES[signature_name].inputs:
            request.inputs[field.name].CopyFrom(_vector(columns[field.name], field.dtype))
        answer = self._called(self._predictions.Predict, request, timeout_s)
        return {
            field.name: getattr(answer.outputs[field.name], _FIELDS[field.dtype][1])
            for field in contract.SIGNATURES[signature_name].outputs
        }

    def _called(self, method: Any, request: Any, timeout_s: float) -> Any:
        try:
            return method(request, timeout=timeout_s)
        except grpc.RpcError as error:
            raise self._error(error, timeout_s) from None

    def _error(self, error: grpc.RpcError, timeout_s: float) -> ServingError:
        code, details = Code[error.code().name], error.details() or ""
        if code is Code.UNAVAILABLE:
            return UnavailableError(
                f"no gRPC server answers at {self.target} ({details}): start one, or try again"
            )
        if code is Code.DEADLINE_EXCEEDED:
            return DeadlineExceededError(
                f"{self.target} did not answer within {timeout_s:g} s: allow it more time"
            )
        return error_for(code, details)


def _vector(values: Sequence[Any], dtype: str) -> tensor_pb2.TensorProto:
    enum, field = _FIELDS[dtype]
    proto = tensor_pb2.TensorProto(dtype=enum)
    proto.tensor_shape.dim.add(size=len(values))
    if dtype == "string":
        values = [value.encode() if isinstance(value, str) else value for value in values]
    getattr(proto, field).extend(values)
    return proto
