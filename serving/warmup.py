"""Warm-up records: requests that a server answers before a version gets its first real one.

A TFRecord of ``PredictionLog`` beside the SavedModel, read by TensorFlow Serving and the
embedded server alike: at most 1000 records, and one that fails makes the version fail to
load. The first run of a graph costs several times the later ones, and so does a server
that cannot answer; both show here rather than to a user.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Iterator, Sequence

import tensorflow as tf
from google.protobuf.message import DecodeError
from tensorflow.core.framework import tensor_pb2, types_pb2
from tensorflow_serving.apis import predict_pb2, prediction_log_pb2

from serving import contract
from serving.errors import LoadError

WARMUP_FILE = "assets.extra/tf_serving_warmup_requests"
MAX_RECORDS = 1000

_PROMPTS = ("", "a", "To be")
"""None has more tokens than the shortest context takes, even where every byte is one."""
_NEW_TOKENS = 2


def language_model_requests() -> list[predict_pb2.PredictRequest]:
    """Requests for each text signature of the contract: a batch, and for generating also a single prompt.
    They name no model, which a server does not look at here. Every input has one value a row, the settings
    too: a stock server that batches refuses a record in which one holds for several rows."""
    requests = []
    for signature_name in (contract.SERVING_DEFAULT, contract.GENERATE):
        for prompts in (_PROMPTS, _PROMPTS[2:]):
            settings = {
                field.name: _numbers([field.default] * len(prompts), field.dtype)
                for field in contract.GENERATE_SIGNATURE.inputs
                if field.default is not None
            }
            settings["max_new_tokens"] = _numbers([_NEW_TOKENS] * len(prompts), "int32")
            requests.append(_request(signature_name, {"prompts": _strings(prompts), **settings}))
    requests.append(_request(contract.SCORE, {"texts": _strings(_PROMPTS)}))
    return requests


def write_warmup(version_dir: str, requests: Iterable[predict_pb2.PredictRequest]) -> None:
    """Writes the requests, at most `MAX_RECORDS`, beside the SavedModel in ``version_dir``."""
    path = posixpath.join(version_dir, WARMUP_FILE)
    tf.io.gfile.makedirs(posixpath.dirname(path))
    with tf.io.TFRecordWriter(path) as writer:
        for request in requests:
            log = prediction_log_pb2.PredictionLog(predict_log=prediction_log_pb2.PredictLog(request=request))
            writer.write(log.SerializeToString())


def read_warmup(version_dir: str) -> Iterator[prediction_log_pb2.PredictionLog]:
    """The records in ``version_dir``, none if there is no file; LoadError for a file that is broken."""
    path = posixpath.join(version_dir, WARMUP_FILE)
    if not tf.io.gfile.exists(path):
        return
    records = tf.data.TFRecordDataset(path).as_numpy_iterator()
    for number in range(1, MAX_RECORDS + 2):
        try:
            record = next(records, None)
        except tf.errors.OpError as error:
            raise LoadError(
                f"{path} is damaged after {number - 1} warm-up records: write it again"
            ) from error
        if record is None:
            return
        if number > MAX_RECORDS:
            raise LoadError(f"Number of warmup records exceeds the maximum ({MAX_RECORDS}) at {path}")
        try:
            yield prediction_log_pb2.PredictionLog.FromString(record)
        except DecodeError as error:
            raise LoadError(f"Failed to parse warmup record: number {number} from {path}") from error


def _request(signature_name: str, inputs: dict[str, tensor_pb2.TensorProto]) -> predict_pb2.PredictRequest:
    request = predict_pb2.PredictRequest()
    request.model_spec.signature_name = signature_name
    for name, value in inputs.items():
        request.inputs[name].CopyFrom(value)
    return request


def _strings(values: Iterable[str]) -> tensor_pb2.TensorProto:
    proto = tensor_pb2.TensorProto(dtype=types_pb2.DT_STRING, string_val=[text.encode() for text in values])
    proto.tensor_shape.dim.add(size=len(proto.string_val))
    return proto


def _numbers(values: Sequence[int | float], dtype: str) -> tensor_pb2.TensorProto:
    proto = tensor_pb2.TensorProto(dtype=types_pb2.DT_INT32 if dtype == "int32" else types_pb2.DT_FLOAT)
    proto.tensor_shape.dim.add(size=len(values))
    (proto.int_val if dtype == "int32" else proto.float_val).extend(values)
    return proto
