"""Requests and answers in the form of TensorFlow Serving's gRPC services: a method's path and bytes. Pure."""

from __future__ import annotations

import dataclasses
import math
import struct
from collections.abc import Sequence
from typing import Any

from serving import contract
from serving.clients import tensorflow_messages as messages
from serving.clients.requests import Chat, Columns, ModelName, Predict, Request, Signatures, Status, Stream
from serving.clients.results import ServedVersion
from serving.errors import (
    Code,
    DeadlineExceededError,
    InternalError,
    ServingError,
    UnavailableError,
    UnimplementedError,
    error_for,
)

_DTYPES = {"string": (7, "string_val", ""), "int32": (3, "int_val", "i"), "float32": (1, "float_val", "f")}
"""The contract's dtype names -> DataType, TensorProto's field, struct's letter."""

_REST_ONLY = {
    Stream: "token streaming",
    Chat: "a conversation",
    Signatures: "the signatures' description",
}


@dataclasses.dataclass(frozen=True)
class GrpcRequest:
    """A method and the message that it takes."""

    path: str
    message: bytes


class GrpcForm:
    """Of requests for one model of one server."""

    def __init__(self, target: str, model: ModelName) -> None:
        self._target = target
        self._spec = messages.ModelSpec(name=model.name)
        if model.version is not None:
            self._spec.version.value = model.version
        elif model.label is not None:
            self._spec.version_label = model.label

    def encoded(self, request: Request) -> GrpcRequest:
        """The call that asks it; UnimplementedError for what TensorFlow Serving's services do not have."""
        if isinstance(request, Status):
            message = messages.GetModelStatusRequest(model_spec=self._spec)
            return GrpcRequest("/tensorflow.serving.ModelService/GetModelStatus", message.SerializeToString())
        if isinstance(request, Predict):
            message = messages.PredictRequest(model_spec=self._spec)
            message.model_spec.signature_name = request.signature_name
            for field in contract.SIGNATURES[request.signature_name].inputs:
                message.inputs[field.name].CopyFrom(vector(request.columns[field.name], field.dtype))
            return GrpcRequest("/tensorflow.serving.PredictionService/Predict", message.SerializeToString())
        raise UnimplementedError(
            f"gRPC has no way to ask for {_REST_ONLY[type(request)]}: "
            "ask over REST, or tell this client the server's rest_url too"
        )

    def decoded(self, request: Request, data: bytes) -> Any:
        """What an answer says."""
        if isinstance(request, Status):
            return _versions(messages.GetModelStatusResponse.FromString(data))
        assert isinstance(request, Predict)
        return _columns(request.signature_name, messages.PredictResponse.FromString(data))

    def failure(self, code_name: str, details: str, timeout_s: float) -> ServingError:
        """What a failed call means."""
        code = Code[code_name]
        if code is Code.UNAVAILABLE:
            return UnavailableError(
                f"no gRPC server answers at {self._target} ({details}): start one, or try again"
            )
        if code is Code.DEADLINE_EXCEEDED:
            return DeadlineExceededError(
                f"{self._target} did not answer within {timeout_s:.3g} s: allow it more time"
            )
        return error_for(code, details)


def vector(values: Sequence[Any], dtype: str) -> Any:
    """A TensorProto of shape (batch,), of one of the contract's dtypes."""
    number, field, _ = _DTYPES[dtype]
    proto = messages.TensorProto(dtype=number)
    proto.tensor_shape.dim.add(size=len(values))
    if dtype == "string":
        values = [value.encode() if isinstance(value, str) else value for value in values]
    getattr(proto, field).extend(values)
    return proto


def values_of(proto: Any, dtype: str) -> list[Any]:
    """The values of a TensorProto, which may hold them in its typed field or as bytes, and whose last one
    repeats where there are fewer than its shape says."""
    number, field, letter = _DTYPES[dtype]
    if proto.dtype != number:
        raise InternalError(f"the server answered with dtype {proto.dtype} where the contract says {dtype}")
    size = math.prod(dim.size for dim in proto.tensor_shape.dim)
    if letter and proto.tensor_content:
        return list(struct.unpack(f"<{size}{letter}", proto.tensor_content))
    values = list(getattr(proto, field))
    return values + values[-1:] * (size - len(values))


def _columns(signature_name: str, answer: Any) -> Columns:
    return {
        field.name: values_of(answer.outputs[field.name], field.dtype)
        for field in contract.SIGNATURES[signature_name].outputs
        if field.name in answer.outputs
    }


def _versions(answer: Any) -> list[ServedVersion]:
    state = messages.POOL.FindEnumTypeByName("tensorflow.serving.ModelVersionStatus.State")
    return [
        ServedVersion(status.version, state.values_by_number[status.state].name, status.status.error_message)
        for status in answer.model_version_status
    ]
