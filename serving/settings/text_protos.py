"""The text protos that flags of tensorflow_model_server name, read into messages.

``models.config`` is a message of tensorflow-serving-api. The other three files' messages
are not in that package, so they are declared here, with the fields of TensorFlow
Serving's sources: BatchingParameters (session_bundle_config.proto), SSLConfig and
MonitoringConfig. They live in a pool of their own, in case the package gains them.
"""

from __future__ import annotations

from typing import Any

import tensorflow as tf
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory, text_format
from google.protobuf.message import Message
from tensorflow_serving.config import model_server_config_pb2

from serving.errors import StartError

_Field = descriptor_pb2.FieldDescriptorProto
_PACKAGE = "lexmill.serving"

_MESSAGES: dict[str, list[tuple[int, str, str]]] = {
    "Int64Value": [(1, "value", "int64")],
    "BoolValue": [(1, "value", "bool")],
    "StringValue": [(1, "value", "string")],
    "BatchingParameters": [
        (1, "max_batch_size", "Int64Value"),
        (2, "batch_timeout_micros", "Int64Value"),
        (3, "max_enqueued_batches", "Int64Value"),
        (4, "num_batch_threads", "Int64Value"),
        (5, "thread_pool_name", "StringValue"),
        (6, "allowed_batch_sizes", "repeated int64"),
        (7, "pad_variable_length_inputs", "bool"),
        (8, "enable_large_batch_splitting", "BoolValue"),
        (9, "max_execution_batch_size", "Int64Value"),
    ],
    "SSLConfig": [
        (1, "server_key", "string"),
        (2, "server_cert", "string"),
        (3, "custom_ca", "string"),
        (4, "client_verify", "bool"),
    ],
    "PrometheusConfig": [(1, "enable", "bool"), (2, "path", "string")],
    "MonitoringConfig": [(1, "prometheus_config", "PrometheusConfig")],
}
"""Message -> its fields, as (number, name, type)."""

_SCALARS = {"int64": _Field.TYPE_INT64, "bool": _Field.TYPE_BOOL, "string": _Field.TYPE_STRING}


def read_models_config(path: str) -> model_server_config_pb2.ModelServerConfig:
    """``--model_config_file``."""
    return _read(path, model_server_config_pb2.ModelServerConfig())


def read_batching_parameters(path: str) -> Any:
    """``--batching_parameters_file``."""
    return _read(path, _new("BatchingParameters"))


def read_ssl_config(path: str) -> Any:
    """``--ssl_config_file``."""
    return _read(path, _new("SSLConfig"))


def read_monitoring_config(path: str) -> Any:
    """``--monitoring_config_file``."""
    return _read(path, _new("MonitoringConfig"))


def _read(path: str, message: Message) -> Any:
    kind = message.DESCRIPTOR.name
    try:
        with tf.io.gfile.GFile(path, "r") as file:
            text = file.read()
    except (tf.errors.OpError, UnicodeDecodeError) as error:
        reason = str(getattr(error, "message", error)).splitlines()[0]
        raise StartError(
            f"cannot read {path}: {reason}; expected a {kind} in protobuf's text format"
        ) from error
    try:
        return text_format.Parse(text, message)
    except text_format.ParseError as error:
        fields = ", ".join(field.name for field in message.DESCRIPTOR.fields)
        raise StartError(
            f"{path} is no {kind} in protobuf's text format: {error}; its fields are {fields}"
        ) from error


def _new(name: str) -> Message:
    return _CLASSES[name]()


def _message_classes() -> dict[str, Any]:
    file = descriptor_pb2.FileDescriptorProto(
        name="lexmill/serving/settings.proto", package=_PACKAGE, syntax="proto3"
    )
    for name, fields in _MESSAGES.items():
        message = file.message_type.add(name=name)
        for number, field_name, declared in fields:
            kind = declared.split()[-1]
            field = message.field.add(name=field_name, number=number)
            field.label = _Field.LABEL_REPEATED if declared != kind else _Field.LABEL_OPTIONAL
            field.type = _SCALARS.get(kind, _Field.TYPE_MESSAGE)
            if kind not in _SCALARS:
                field.type_name = f".{_PACKAGE}.{kind}"
    pool = descriptor_pool.DescriptorPool()
    pool.AddSerializedFile(file.SerializeToString())
    return {name: _class_of(pool, f"{_PACKAGE}.{name}") for name in _MESSAGES}


def _class_of(pool: descriptor_pool.DescriptorPool, name: str) -> Any:
    descriptor = pool.FindMessageTypeByName(name)
    if hasattr(message_factory, "GetMessageClass"):
        return message_factory.GetMessageClass(descriptor)
    # protobuf 3.20, of the base stack.
    return message_factory.MessageFactory(pool).GetPrototype(descriptor)


_CLASSES = _message_classes()
