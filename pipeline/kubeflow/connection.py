"""JSON over HTTP to one server, with a bearer token.

The token goes to that server and nowhere else: no redirect is followed, as one that leads to another host
would take the token there, and a sign-in page is no answer. It is read anew for every request, since those
that Kubernetes hands out change while a run is followed, and no message holds it. Proxies and certificates
are as the environment says (``HTTPS_PROXY``, ``NO_PROXY``, ``SSL_CERT_FILE``).

The KFP SDK's own client is not used: on both stacks it reads and writes a context file in the user's home,
takes settings from the environment over those given, prints, waits without limit for an answer, and refuses
an answer that holds a state which its release did not know.
"""

from __future__ import annotations

import http.client
import ipaddress
import json
import ssl
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from pipeline.errors import PipelineError

_MAX_ANSWER_BYTES = 64_000_000
_MAX_MESSAGE = 400
_TOKEN_ADVICE = "set LEXMILL_KFP_TOKEN, or LEXMILL_KFP_TOKEN_FILE to a file that holds one"


class ClusterError(PipelineError):
    """The server refused a request. Whoever sent it can mend it as the message says; a retry fails again."""

    def __init__(self, message: str, status: int = 0) -> None:
        super().__init__(message)
        self.status = status


class ClusterUnreachableError(PipelineError):
    """There was no answer, half of one, or one that says to come back. What was asked may have been done
    all the same; a retry may help."""


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        return None


@dataclass(frozen=True)
class Connection:
    """To one server. Nothing is sent before the first request."""

    host: str
    """``https://HOST[:PORT][/PREFIX]``, without a slash at its end."""
    token: Callable[[], str | None]
    """Gives the bearer token; None sends none."""
    timeout_s: float = 60.0
    """For the connection, and for each wait for a part of the answer."""

    @property
    def is_token_readable_on_the_way(self) -> bool:
        """Whether a token would go over a network unencrypted."""
        parts = urlsplit(self.host)
        name = parts.hostname or ""
        if parts.scheme == "https" or name == "localhost" or name.endswith((".svc", ".svc.cluster.local")):
            return False
        try:
            return not ipaddress.ip_address(name).is_loopback
        except ValueError:
            return True

    def get(self, path: str, **query: str | int | None) -> dict[str, Any]:
        """Asks for a JSON object; a query parameter that is None is left out."""
        return self._ask("GET", path, query, None, None)

    def post(
        self, path: str, content: Mapping[str, Any] | None = None, **query: str | None
    ) -> dict[str, Any]:
        """Sends a JSON object, and gives the one that is answered."""
        body = json.dumps(content or {}).encode()
        return self._ask("POST", path, query, body, "application/json")

    def delete(self, path: str) -> None:
        """Has removed what the path names."""
        self._ask("DELETE", path, {}, None, None)

    def upload(self, path: str, file_name: str, content: bytes, **query: str | None) -> dict[str, Any]:
        """Sends a file as a form's field ``uploadfile``."""
        boundary = uuid.uuid4().hex
        lines = (
            f"--{boundary}",
            f'Content-Disposition: form-data; name="uploadfile"; filename="{quote(file_name)}"',
            "Content-Type: application/octet-stream",
            "\r\n",
        )
        body = "\r\n".join(lines).encode() + content + f"\r\n--{boundary}--\r\n".encode()
        return self._ask("POST", path, query, body, f"multipart/form-data; boundary={boundary}")

    def _ask(
        self,
        method: str,
        path: str,
        query: Mapping[str, str | int | None],
        body: bytes | None,
        content_type: str | None,
    ) -> dict[str, Any]:
        given = {name: value for name, value in query.items() if value is not None}
        url = f"{self.host}{path}" + (f"?{urlencode(given)}" if given else "")
        token = self.token()
        request = urllib.request.Request(
            url, data=body, method=method, headers={"Accept": "application/json"}
        )
        if content_type is not None:
            request.add_header("Content-Type", content_type)
        if token:
            request.add_unredirected_header("Authorization", f"Bearer {token}")
        what = f"{method} {self.host}{path}"
        try:
            with urllib.request.build_opener(_NoRedirects).open(request, timeout=self.timeout_s) as answer:
                content = answer.read(_MAX_ANSWER_BYTES)
                missing = int(answer.headers.get("Content-Length") or 0) - len(content)
                kind = answer.headers.get_content_type()
        except urllib.error.HTTPError as error:
            raise self._refusal(error, what, token) from None
        except urllib.error.URLError as error:
            if isinstance(error.reason, ssl.SSLCertVerificationError):
                raise _untrusted(what, error.reason) from None
            raise ClusterUnreachableError(f"{what}: {_hidden(str(error.reason), token)}") from None
        except (OSError, http.client.HTTPException) as error:
            reason = _hidden(str(error) or type(error).__name__, token)
            raise ClusterUnreachableError(f"{what}: the connection was lost: {reason}") from None
        if missing > 0:
            raise ClusterUnreachableError(
                f"{what}: the connection was lost: {missing} bytes of the answer are missing"
            )
        return _json_object(content, kind, what)

    def _refusal(self, error: urllib.error.HTTPError, what: str, token: str | None) -> PipelineError:
        status = error.code
        try:
            said = _hidden(_message(error.read(_MAX_ANSWER_BYTES)), token)
        except (OSError, http.client.HTTPException):
            said = ""
        found = f"{what}: status {status}{f' ({said})' if said else ''}"
        if status in (301, 302, 303, 307, 308):
            target = urlsplit(error.headers.get("Location") or "")
            place = f"{target.scheme}://{target.netloc}{target.path}" if target.netloc else target.path
            return ClusterError(
                f"{found}: it sends to {place or 'nowhere'}, where the token is not taken: if that is a "
                f"sign-in page, {_TOKEN_ADVICE}; if the server has moved, give that address as --host",
                status,
            )
        if status == 401:
            state = "was not accepted: it may have expired" if token else "is asked for"
            return ClusterError(f"{found}: a token {state}: {_TOKEN_ADVICE}", status)
        if status == 403:
            return ClusterError(
                f"{found}: whoever the token names may not do this: ask for the rights, or name your own "
                "namespace (--namespace)",
                status,
            )
        if status in (408, 425, 429) or status >= 500:
            return ClusterUnreachableError(found)
        if status == 404 and not said:
            found += ": is this Kubeflow Pipelines' address, such as https://HOST/pipeline?"
        return ClusterError(found, status)


def _json_object(content: bytes, kind: str, what: str) -> dict[str, Any]:
    try:
        found = json.loads(content or b"{}")
    except ValueError:
        found = None
    if isinstance(found, dict):
        return found
    if kind == "text/html":
        raise ClusterError(
            f"{what}: a web page answers, not Kubeflow Pipelines' API: if it is a sign-in page, "
            f"{_TOKEN_ADVICE}; else the address is another one, such as https://HOST/pipeline"
        )
    raise ClusterUnreachableError(f"{what}: the answer is no JSON object: {_start(content)}")


def _message(content: bytes) -> str:
    """What a refusal says: ``message`` of google.rpc.Status, ``error`` of older gateways, ``error_message``
    of uploads; of anything else, nothing."""
    try:
        found = json.loads(content)
    except ValueError:
        return ""
    if not isinstance(found, dict):
        return ""
    texts = (found.get(name) for name in ("message", "error_message", "error"))
    text = next((text for text in texts if isinstance(text, str) and text), "")
    return " ".join(text.split())[:_MAX_MESSAGE]


def _untrusted(what: str, error: ssl.SSLCertVerificationError) -> ClusterError:
    return ClusterError(
        f"{what}: the server's certificate is not trusted ({error.verify_message}): let SSL_CERT_FILE name a "
        "file with its authority's certificate"
    )


def _start(content: bytes) -> str:
    return repr(content[:60].decode("utf-8", "replace")) if content else "nothing"


def _hidden(text: str, token: str | None) -> str:
    return text.replace(token, "***") if token else text
