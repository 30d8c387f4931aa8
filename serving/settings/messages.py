"""The messages of TensorFlow Serving's files that no installed package has, declared here.

``models.config`` is a message of tensorflow-serving-api. Those of the other three files are
not in that package, so they are declared with the fields of TensorFlow Serving's sources:
BatchingParameters (session_bundle_config.proto), SSLConfig and MonitoringConfig. Of a
SavedModel only what tells who wrote it, for which TensorFlow need not be imported. They live
in a pool of their own, in case a package gains them.
"""

from __future__ import annotations

from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

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
    "MetaInfoDef": [(4, "tags", "repeated string"), (5, "tensorflow_version", "string")],
    "MetaGraphDef": [(1, "meta_info_def", "MetaInfoDef")],
    "SavedModel": [(2, "meta_graphs", "repeated MetaGraphDef")],
}
"""Message -> its fields, as (number, name, type)."""

_SCALARS = {"int64": _Field.TYPE_INT64, "bool": _Field.TYPE_BOOL, "string": _Field.TYPE_STRING}


def new_message(name: str) -> Any:
    """An empty message of one of the types declared here."""
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
