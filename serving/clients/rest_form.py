"""Requests and answers in the form of TensorFlow Serving's REST interface, and of what the embedded server
has beside it. Pure: no connection is touched."""

from __future__ import annotations

import email.utils
import json
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from serving.clients.http_messages import HttpAnswer, HttpRequest, HttpSyntaxError
from serving.clients.requests import Chat, ModelName, Predict, Request, Signatures, Status, Stream
from serving.clients.results import Generation, ServedVersion
from serving.errors import (
    DeadlineExceededError,
    InternalError,
    ServingError,
    UnavailableError,
    UnimplementedError,
    code_of_http_status,
    error_for,
)

_SHOWN_CHARACTERS = 200

_EXTENSIONS: dict[type, str] = {Stream: "token streaming", Chat: "conversations"}
"""What the embedded server has and the stock one has not."""


class RestForm:
    """Of requests for one model of one server."""

    def __init__(self, base_url: str, model: ModelName) -> None:
        self._base_url = base_url
        self._model = model
        self._path = f"/v1/models/{quote(model.name, safe='')}"
        if model.version is not None:
            self._path += f"/versions/{model.version}"
        elif model.label is not None:
            self._path += f"/labels/{quote(model.label, safe='')}"

    def encoded(self, request: Request) -> HttpRequest:
        """The HTTP request that asks it."""
        if isinstance(request, Status):
            return HttpRequest("GET", self._path)
        if isinstance(request, Signatures):
            return HttpRequest("GET", f"{self._path}/metadata")
        if isinstance(request, Predict):
            asked = {"signature_name": request.signature_name, "inputs": request.columns}
            return HttpRequest("POST", f"{self._path}:predict", _json(asked))
        if isinstance(request, Stream):
            stream = {"prompt": request.prompt, **request.sampling, "stop": request.stop}
            return HttpRequest("POST", f"{self._path}:generateStream", _json(stream))
        return HttpRequest("POST", "/v1/chat/completions", _json(self._chat(request)))

    def decoded(self, request: Request, answer: HttpAnswer) -> Any:
        """What an HTTP answer says; raises the error that it is."""
        if answer.status != 200:
            raise self._refusal(request, answer)
        try:
            value = json.loads(answer.body)
        except ValueError as error:
            raise InternalError(
                f"{self._base_url} answered with something other than JSON: {error}"
            ) from None
        try:
            return _READERS[type(request)](value)
        except (KeyError, TypeError, IndexError, ValueError):
            shown = answer.body[:_SHOWN_CHARACTERS].decode("utf-8", errors="replace")
            raise InternalError(
                f"{self._base_url} answered with other JSON than expected: {shown}: is this a model server?"
            ) from None

    def failure(self, error: OSError | HttpSyntaxError, timeout_s: float) -> ServingError:
        """What a broken exchange means."""
        if isinstance(error, TimeoutError):
            return DeadlineExceededError(
                f"{self._base_url} did not answer within {timeout_s:.3g} s: allow it more time"
            )
        if isinstance(error, HttpSyntaxError):
            return InternalError(f"{self._base_url} answered with something other than HTTP: {error}")
        return UnavailableError(
            f"no REST server answers at {self._base_url} ({error.strerror or error}): start one, or try again"
        )

    def _chat(self, request: Chat) -> dict[str, Any]:
        if self._model.label is not None:
            raise UnimplementedError("a conversation cannot name a label: name the version, or neither")
        version = "" if self._model.version is None else f"@{self._model.version}"
        sampling = dict(request.sampling)
        return {
            "model": f"{self._model.name}{version}",
            "messages": request.messages,
            "max_completion_tokens": sampling.pop("max_new_tokens"),
            **sampling,
            **({"stop": request.stop} if request.stop else {}),
        }

    def _refusal(self, request: Request, answer: HttpAnswer) -> ServingError:
        message = _message(answer)
        if message.startswith("Malformed request: POST") and type(request) in _EXTENSIONS:
            return UnimplementedError(
                f"{self._base_url} has no {_EXTENSIONS[type(request)]}, as TensorFlow Serving's own server "
                "has none: call generate, or serve the model with 'lexmill serve --backend embedded'"
            )
        error = error_for(code_of_http_status(answer.status), message)
        error.retry_after_s = _retry_after_s(answer.headers)
        return error


def _json(value: Any) -> bytes:
    return json.dumps(value).encode()


def _message(answer: HttpAnswer) -> str:
    body = answer.body.decode("utf-8", errors="replace")
    try:
        error = json.loads(body)["error"]
        # OpenAI's form has the words one level down.
        return str(error["message"]) if isinstance(error, dict) else str(error)
    except (ValueError, KeyError, TypeError):
        return f"HTTP {answer.status}: {body[:_SHOWN_CHARACTERS] or 'no words'}"


def _retry_after_s(headers: Mapping[str, str]) -> float | None:
    """RFC 9110, section 10.2.3: seconds, or a date."""
    value = headers.get("retry-after", "")
    if value.isdecimal():
        return float(value)
    try:
        return max(0.0, email.utils.parsedate_to_datetime(value).timestamp() - time.time())
    except (TypeError, ValueError):
        return None


def _versions(value: Any) -> list[ServedVersion]:
    return [
        ServedVersion(int(status["version"]), status["state"], status["status"]["error_message"])
        for status in value["model_version_status"]
    ]


def _generation(value: Any) -> Generation:
    choice = value["choices"][0]
    num_tokens = value["usage"]["completion_tokens"]
    return Generation(choice["message"]["content"], num_tokens, choice["finish_reason"])


_READERS = {
    Status: _versions,
    Signatures: lambda value: value["metadata"]["signature_def"]["signature_def"],
    Predict: lambda value: value["outputs"],
    Chat: _generation,
}
