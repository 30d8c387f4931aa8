"""The REST front: TensorFlow Serving's ``/v1/models`` API on aiohttp.

Paths are matched before they are percent-decoded, as there. Bodies are read and
inflated on the event loop; JSON is parsed and models run in threads, so one slow
request does not hold up the others. ``:classify`` and ``:regress`` answer 501.
"""

from __future__ import annotations

import asyncio
import dataclasses
import json
import logging
import re
import zlib
from concurrent import futures
from urllib.parse import unquote

from aiohttp import web
from tensorflow_serving.apis import get_model_metadata_pb2, get_model_status_pb2, model_pb2

from serving import json_messages, json_predict
from serving.errors import Code, InvalidArgumentError, NotFoundError, ServingError, UnimplementedError
from serving.prediction import SIGNATURE_DEF_FIELD, ModelServer

MAX_INFLATED_BYTES = 100 * 2**20
"""TensorFlow Serving inflates a gzip body no further."""

_TARGET = r"/v1/models/(?P<name>[^/:]+)(?:/versions/(?P<version>\d+)|/labels/(?P<label>[^/:]+))?"
_CALL = re.compile(_TARGET + r":(?P<method>classify|regress|predict)", re.IGNORECASE | re.ASCII)
_DESCRIPTION = re.compile(_TARGET + r"(?P<metadata>/metadata)?", re.IGNORECASE | re.ASCII)

_log = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True)
class Answer:
    """An HTTP status and a JSON body."""

    status: int
    body: bytes


def answer(models: ModelServer, method: str, path: str, body: bytes) -> Answer:
    """The answer to one request; every failure becomes ``{"error": ...}`` with its status."""
    try:
        return Answer(200, _dispatched(models, method, path, body))
    except ServingError as error:
        return error_answer(error.code.http_status, error.wire_message)
    except Exception as error:
        _log.exception("a REST request failed")
        return error_answer(Code.INTERNAL.http_status, f"{type(error).__name__}: {error}"[:1024])


def error_answer(status: int, message: str) -> Answer:
    """An error as TensorFlow Serving words it."""
    return Answer(status, json.dumps({"error": message}, ensure_ascii=False).encode())


def inflated(body: bytes, content_encoding: str, max_bytes: int = MAX_INFLATED_BYTES) -> bytes:
    """``body`` without its gzip compression, if ``content_encoding`` names it."""
    if "gzip" not in content_encoding.lower():
        return body
    stream = zlib.decompressobj(wbits=31)
    try:
        content = stream.decompress(body, max_bytes + 1)
    except zlib.error as error:
        raise InvalidArgumentError(f"the gzip body cannot be inflated: {error}") from error
    if len(content) > max_bytes:
        raise InvalidArgumentError(
            f"the gzip body inflates to more than {max_bytes} bytes: send smaller batches"
        )
    if not stream.eof:
        raise InvalidArgumentError("the gzip body is truncated")
    return content


def _dispatched(models: ModelServer, method: str, path: str, body: bytes) -> bytes:
    if not path.lower().startswith("/v1/"):
        raise NotFoundError(f"No such path: {path}; models are under /v1/models/")
    if method == "POST" and (match := _CALL.fullmatch(path)) and match["method"].islower():
        if match["method"] != "predict":
            raise UnimplementedError(f"{match['method']} is not implemented: use predict")
        return _predict(models, _model_spec(match), body)
    if method == "GET" and (match := _DESCRIPTION.fullmatch(path)):
        spec = _model_spec(match)
        if match["metadata"]:
            return _metadata(models, spec)
        return json_messages.message_body(
            models.status(get_model_status_pb2.GetModelStatusRequest(model_spec=spec))
        )
    if method == "GET" and path.lower() == "/v1/models":
        raise InvalidArgumentError("Missing model name in request.")
    raise InvalidArgumentError(f"Malformed request: {method} {path}")


def _predict(models: ModelServer, spec: model_pb2.ModelSpec, body: bytes) -> bytes:
    document = json_predict.parse_body(body)
    spec.signature_name = json_predict.signature_name(document)
    layout, inputs = json_predict.input_tensors(document, models.input_dtypes(spec))
    return json_predict.answer_body(layout, models.predict(spec, inputs).outputs)


def _metadata(models: ModelServer, spec: model_pb2.ModelSpec) -> bytes:
    request = get_model_metadata_pb2.GetModelMetadataRequest(
        model_spec=spec, metadata_field=[SIGNATURE_DEF_FIELD]
    )
    return json_messages.metadata_body(models.metadata(request))


def _model_spec(match: re.Match[str]) -> model_pb2.ModelSpec:
    spec = model_pb2.ModelSpec(name=unquote(match["name"]))
    if match["version"]:
        if int(match["version"]) >= 2**63:
            raise InvalidArgumentError(f"Failed to convert version: {match['version']} to numeric.")
        spec.version.value = int(match["version"])
    if match["label"]:
        spec.version_label = unquote(match["label"])
    return spec


def build_application(models: ModelServer, threads: futures.Executor, max_body_bytes: int) -> web.Application:
    """The aiohttp application that answers every path with ``answer``."""

    async def handle(request: web.Request) -> web.Response:
        path = request.raw_path.split("?", 1)[0]
        try:
            body = inflated(await request.read(), request.headers.get("Content-Encoding", ""))
        except web.HTTPRequestEntityTooLarge:
            given = error_answer(413, f"the body has more than {max_body_bytes} bytes: send smaller batches")
        except ServingError as error:
            given = error_answer(error.code.http_status, error.wire_message)
        else:
            loop = asyncio.get_running_loop()
            given = await loop.run_in_executor(threads, answer, models, request.method, path, body)
        return web.Response(status=given.status, body=given.body, content_type="application/json")

    application = web.Application(client_max_size=max_body_bytes)
    application.router.add_route("*", "/{path:.*}", handle)
    return application
