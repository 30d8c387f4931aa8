"""The text protos that flags of tensorflow_model_server name, read into messages."""

from __future__ import annotations

from typing import Any

import tensorflow as tf
from google.protobuf import text_format
from google.protobuf.message import Message
from tensorflow_serving.config import model_server_config_pb2

from serving.errors import StartError
from serving.settings.messages import new_message


def read_models_config(path: str) -> model_server_config_pb2.ModelServerConfig:
    """``--model_config_file``."""
    return _read(path, model_server_config_pb2.ModelServerConfig())


def read_batching_parameters(path: str) -> Any:
    """``--batching_parameters_file``."""
    return _read(path, new_message("BatchingParameters"))


def read_ssl_config(path: str) -> Any:
    """``--ssl_config_file``."""
    return _read(path, new_message("SSLConfig"))


def read_monitoring_config(path: str) -> Any:
    """``--monitoring_config_file``."""
    return _read(path, new_message("MonitoringConfig"))


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
