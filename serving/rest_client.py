"""A client of a served Lexmill model over REST, with the standard library alone.

The same methods and results as ``serving.client.Client``; opens one connection a call.
"""

from __future__ import annotations

import http.client
import json
import urllib.error
import urllib.parse
import urllib.request
from typing import Any

from serving.errors import (
    DeadlineExceededError,
    InternalError,
    ServingError,
    UnavailableError,
    code_of_http_status,
    error_for,
)
from serving.language_model import Columns, LanguageModel, ServedVersion


class RestClient(LanguageModel):
    """A language model served under ``base_url``, ``http://host:port``; its newest version unless told."""

    def __init__(
        self, base_url: str, model: str, version: int | None = None, label: str | None = None
    ) -> None:
        self.base_url = base_url.rstrip("/")
        self._path = f"/v1/models/{urllib.parse.quote(model, safe='')}"
        if version is not None:
            self._path += f"/versions/{version}"
        elif label is not None:
            self._path += f"/labels/{urllib.parse.quote(label, safe='')}"
        # Straight to the server, whatever proxy the environment names.
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def model_status(self, timeout_s: float = 10.0) -> list[ServedVersion]:
        answer = self._called(self._path, None, timeout_s)
        return [
            ServedVersion(int(status["version"]), status["state"], status["status"]["error_message"])
            for status in answer["model_version_status"]
        ]

    def signatures(self, timeout_s: float = 10.0) -> dict[str, dict[str, Any]]:
        """Signature name -> its SignatureDef, in protobuf's JSON form."""
        answer = self._called(f"{self._path}/metadata", None, timeout_s)
        return answer["metadata"]["signature_def"]["signature_def"]

    def _predict(self, signature_name: str, columns: Columns, timeout_s: float) -> Columns:
        body = json.dumps({"signature_name": signature_name, "inputs": columns}).encode()
        return self._called(f"{self._path}:predict", body, timeout_s)["outputs"]

    def _called(self, path: str, body: bytes | None, timeout_s: float) -> Any:
        request = urllib.request.Request(self.base_url + path, body, {"Content-Type": "application/json"})
        try:
            with self._opener.open(request, timeout=timeout_s) as response:
                return json.load(response)
        except urllib.error.HTTPError as error:
            with error:
                raise _served_error(error) from None
        except TimeoutError:
            raise self._too_late(timeout_s) from None
        except (urllib.error.URLError, http.client.HTTPException, ConnectionError) as error:
            reason = getattr(error, "reason", error)
            if isinstance(reason, TimeoutError):
                raise self._too_late(timeout_s) from None
            raise UnavailableError(
                f"no REST server answers at {self.base_url} ({reason}): start one, or try again"
            ) from None
        except ValueError as error:
            raise InternalError(f"{self.base_url} answered with something other than JSON: {error}") from None

    def _too_late(self, timeout_s: float) -> ServingError:
        return DeadlineExceededError(
            f"{self.base_url} did not answer within {timeout_s:g} s: allow it more time"
        )


def _served_error(error: urllib.error.HTTPError) -> ServingError:
    body = error.read().decode("utf-8", errors="replace")
    try:
        message = json.loads(body)["error"]
    except (ValueError, KeyError, TypeError):
        message = f"HTTP {error.code}: {body[:200] or error.reason}"
    return error_for(code_of_http_status(error.code), message)
