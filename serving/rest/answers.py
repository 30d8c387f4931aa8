"""One REST request to its answer: which method of which model, and its JSON.

The two path patterns are TensorFlow Serving's own. They match in any case, but a method
must be in lower case, and of the subresources only ``metadata``; anything else under
``/v1/`` is a malformed request.
"""

from __future__ import annotations

import dataclasses
import json
import re
from urllib.parse import unquote

from tensorflow_serving.apis import (
    classification_pb2,
    get_model_metadata_pb2,
    get_model_status_pb2,
    model_pb2,
    regression_pb2,
)

from serving.call import Call
from serving.errors import Code, InvalidArgumentError, NotFoundError, status_of
from serving.inference.description import SIGNATURE_DEF_FIELD
from serving.inference.prediction import ModelServer
from serving.rest import json_examples, json_messages, json_predict

_VERSION = r"(?:(?:/versions/(?P<version>\d+))|(?:/labels/(?P<label>[^/:]+)))?"
_CALL = re.compile(
    rf"/v1/models/(?P<name>[^/:]+){_VERSION}:(?P<method>classify|regress|predict)", re.IGNORECASE | re.ASCII
)
_DESCRIPTION = re.compile(
    rf"/v1/models(?:/(?P<name>[^/:]+))?{_VERSION}(?:/(?P<metadata>metadata))?", re.IGNORECASE | re.ASCII
)
_MAX_VERSION = 2**63 - 1


@dataclasses.dataclass
class Request:
    """What a client sent, and what was found out about it on the way."""

    method: str
    path: str
    """As sent, without the query."""
    body: bytes = b""
    encoding: str = ""
    model_name: str = ""
    api: str = ""
    """``classify``, ``regress`` or ``predict``, once known."""


@dataclasses.dataclass(frozen=True)
class Answer:
    """An HTTP status and a JSON body."""

    status: int
    body: bytes
    code: Code | None = None
    """Of an error."""


def answer(models: ModelServer, request: Request, call: Call) -> Answer:
    """The answer to one request; every failure becomes ``{"error": ...}`` with its status."""
    try:
        return Answer(200, _dispatched(models, request, call))
    except Exception as error:
        code, message = status_of(error)
        return error_answer(code.http_status, message, code)


def error_answer(status: int, message: str, code: Code | None = None) -> Answer:
    """An error as TensorFlow Serving words it."""
    body = json.dumps({"error": message}, ensure_ascii=False, indent=4)
    return Answer(status, body.encode("utf-8", errors="replace"), code)


def _dispatched(models: ModelServer, request: Request, call: Call) -> bytes:
    path = request.path
    if not path.lower().startswith("/v1/"):
        raise NotFoundError(f"No such path: {path}; models are under /v1/models/")
    if request.method == "POST" and (match := _CALL.fullmatch(path)):
        spec = _model_spec(match)
        request.model_name, request.api = spec.name, match["method"]
        if match["method"] == "predict":
            return _predict(models, spec, request.body, call)
        if match["method"] == "classify":
            return _classify(models, spec, request.body, call)
        if match["method"] == "regress":
            return _regress(models, spec, request.body, call)
    if request.method == "GET" and (match := _DESCRIPTION.fullmatch(path)):
        spec = _model_spec(match)
        if not spec.name:
            raise InvalidArgumentError("Missing model name in request.")
        return _metadata(models, spec) if match["metadata"] == "metadata" else _status(models, spec)
    raise InvalidArgumentError(f"Malformed request: {request.method} {path}")


def _predict(models: ModelServer, spec: model_pb2.ModelSpec, body: bytes, call: Call) -> bytes:
    document = json_predict.parse_body(body)
    signature_name = json_predict.signature_name(document)
    with models.acquire(spec) as lease:
        layout, inputs = json_predict.input_tensors(document, models.input_dtypes(lease, signature_name))
        outputs = models.predict(lease, signature_name, inputs, call=call).outputs
    return json_predict.answer_body(layout, outputs)


def _classify(models: ModelServer, spec: model_pb2.ModelSpec, body: bytes, call: Call) -> bytes:
    document = json_predict.parse_body(body)
    spec.signature_name = json_predict.signature_name(document)
    request = classification_pb2.ClassificationRequest(
        model_spec=spec, input=json_examples.request_input(document)
    )
    return json_examples.classification_body(models.classify(request, call).result)


def _regress(models: ModelServer, spec: model_pb2.ModelSpec, body: bytes, call: Call) -> bytes:
    document = json_predict.parse_body(body)
    spec.signature_name = json_predict.signature_name(document)
    request = regression_pb2.RegressionRequest(model_spec=spec, input=json_examples.request_input(document))
    return json_examples.regression_body(models.regress(request, call).result)


def _status(models: ModelServer, spec: model_pb2.ModelSpec) -> bytes:
    return json_messages.message_body(
        models.status(get_model_status_pb2.GetModelStatusRequest(model_spec=spec))
    )


def _metadata(models: ModelServer, spec: model_pb2.ModelSpec) -> bytes:
    request = get_model_metadata_pb2.GetModelMetadataRequest(
        model_spec=spec, metadata_field=[SIGNATURE_DEF_FIELD]
    )
    return json_messages.metadata_body(models.metadata(request))


def _model_spec(match: re.Match[str]) -> model_pb2.ModelSpec:
    spec = model_pb2.ModelSpec(name=unquote(match["name"] or "", errors="replace"))
    if match["version"]:
        digits = match["version"].lstrip("0") or "0"
        if len(digits) > len(str(_MAX_VERSION)) or int(digits) > _MAX_VERSION:
            raise InvalidArgumentError(f"Failed to convert version: {match['version']} to numeric.")
        spec.version.value = int(digits)
    if match["label"]:
        spec.version_label = unquote(match["label"], errors="replace")
    return spec
