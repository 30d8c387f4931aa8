"""Google Cloud Storage as its clients see it, in memory: for ``gs://`` paths without a network.

The real clients talk to it, TensorFlow's in C++ and Beam's in Python: they are told of an HTTPS proxy and
of a certificate authority, and this is both the proxy and, behind it, ``www.googleapis.com`` and
``storage.googleapis.com``. As Cloud Storage it has objects and no folders, lists a prefix at once after a
write, and knows no rename. What is served: objects' metadata, listing with a delimiter, reading with a
range, resumable and multipart uploads, rewriting, deletion, batches of these, and a token for any
credentials (https://cloud.google.com/storage/docs/json_api/v1).
"""

from __future__ import annotations

import base64
import dataclasses
import datetime
import email.parser
import email.policy
import hashlib
import http.client
import http.server
import io
import itertools
import json
import re
import ssl
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote, unquote, urlsplit

import google_crc32c
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

HOSTS = ("www.googleapis.com", "storage.googleapis.com", "oauth2.googleapis.com")
_HISTORY = "/history"
"""Not of Cloud Storage: what was written and deleted, in order."""
_API = re.compile(r"/storage/v1/b/([^/]+)(?:/o(?:/([^/]+)(?:/(rewriteTo|copyTo)/b/([^/]+)/o/([^/]+))?)?)?")


@dataclasses.dataclass(frozen=True)
class Object:
    content: bytes
    generation: int
    updated: str


@dataclasses.dataclass(frozen=True)
class Answer:
    status: int
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()

    @classmethod
    def of(cls, resource: dict[str, Any], status: int = 200) -> Answer:
        return cls(status, json.dumps(resource).encode(), (("Content-Type", "application/json"),))


def _not_found() -> Answer:
    return Answer.of({"error": {"code": 404, "message": "Not Found"}}, 404)


class ObjectStore:
    """All buckets; any name is one."""

    scheme = "gs://"

    def __init__(self) -> None:
        self.objects: dict[tuple[str, str], Object] = {}
        self.user_agents: set[str] = set()
        self.history: list[tuple[str, str]] = []
        """(``write`` or ``delete``, name), in order."""
        self._uploads: dict[str, tuple[tuple[str, str], bytearray]] = {}
        self._numbers = itertools.count(1)
        self._lock = threading.RLock()

    def put(self, bucket: str, name: str, content: bytes) -> Object:
        with self._lock:
            now = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
            self.objects[bucket, name] = Object(content, next(self._numbers), now)
            self.history.append(("write", name))
            return self.objects[bucket, name]

    def names(self, bucket: str, prefix: str = "") -> list[str]:
        with self._lock:
            return sorted(name for at, name in self.objects if at == bucket and name.startswith(prefix))

    def read(self, bucket: str, name: str) -> bytes:
        return self.objects[bucket, name].content

    def answer(self, method: str, target: str, headers: Any, body: bytes) -> Answer:
        """To one HTTP request."""
        url = urlsplit(target)
        query = {name: values[0] for name, values in parse_qs(url.query, keep_blank_values=True).items()}
        with self._lock:
            if url.path.endswith("/token"):
                return Answer.of({"access_token": "anyone's", "expires_in": 3600, "token_type": "Bearer"})
            if url.path == _HISTORY:
                return Answer.of({"history": self.history})
            if url.path.startswith("/batch/"):
                return self._batch(headers, body)
            if url.path.startswith("/upload/"):
                return self._upload(method, url.path, query, headers, body)
            path = url.path.removeprefix("/download")
            match = _API.fullmatch(path)
            if match is None:  # The XML interface, by which TensorFlow reads.
                bucket, _, name = path.lstrip("/").partition("/")
                return self._read(bucket, unquote(name), headers)
            bucket, name, copying, to_bucket, to_name = (part and unquote(part) for part in match.groups())
            if "/o" not in path:
                return Answer.of({"kind": "storage#bucket", "name": bucket, "location": "US"})
            if name is None:
                return self._list(bucket, query)
            if (bucket, name) not in self.objects:
                return _not_found()
            if copying:
                return self._copy((bucket, name), (to_bucket, to_name), copying)
            if method == "DELETE":
                del self.objects[bucket, name]
                self.history.append(("delete", name))
                return Answer(204)
            if query.get("alt") == "media":
                return self._read(bucket, name, headers)
            return Answer.of(self._resource(bucket, name))

    def _resource(self, bucket: str, name: str) -> dict[str, Any]:
        found = self.objects[bucket, name]
        md5 = base64.b64encode(hashlib.md5(found.content).digest()).decode()
        crc32c = base64.b64encode(google_crc32c.value(found.content).to_bytes(4, "big")).decode()
        return {
            "kind": "storage#object", "name": name, "bucket": bucket, "size": str(len(found.content)),
            "generation": str(found.generation), "metageneration": "1", "updated": found.updated,
            "timeCreated": found.updated, "contentType": "application/octet-stream",
            "md5Hash": md5, "crc32c": crc32c,
        }  # fmt: skip

    def _list(self, bucket: str, query: dict[str, str]) -> Answer:
        prefix, delimiter = query.get("prefix", ""), query.get("delimiter")
        names, prefixes = [], set()
        for name in self.names(bucket, prefix):
            head, found, _ = name[len(prefix) :].partition(delimiter) if delimiter else (name, "", "")
            if found:
                prefixes.add(prefix + head + found)
            else:
                names.append(name)
        names = names[: int(query.get("maxResults", "100000"))]
        items = [self._resource(bucket, name) for name in names]
        return Answer.of({"kind": "storage#objects", "items": items, "prefixes": sorted(prefixes)})

    def _read(self, bucket: str, name: str, headers: Any) -> Answer:
        found = self.objects.get((bucket, name))
        if found is None:
            return _not_found()
        content, total = found.content, len(found.content)
        match = re.fullmatch(r"bytes=(\d+)-(\d*)", headers.get("Range", ""))
        if match is None:
            return Answer(200, content)
        start, end = int(match[1]), min(int(match[2] or total), total - 1)
        if start >= total:
            return Answer(416, b"", (("Content-Range", f"bytes */{total}"),))
        part = content[start : end + 1]
        return Answer(206, part, (("Content-Range", f"bytes {start}-{end}/{total}"),))

    def _copy(self, source: tuple[str, str], target: tuple[str, str], how: str) -> Answer:
        content = self.objects[source].content
        self.put(*target, content)
        resource = self._resource(*target)
        if how == "copyTo":
            return Answer.of(resource)
        size = str(len(content))
        return Answer.of(
            {"kind": "storage#rewriteResponse", "done": True, "resource": resource, "objectSize": size,
             "totalBytesRewritten": size}
        )  # fmt: skip

    def _upload(self, method: str, path: str, query: dict[str, str], headers: Any, body: bytes) -> Answer:
        bucket = path.split("/")[5]
        if query["uploadType"] == "media":
            self.put(bucket, query["name"], body)
            return Answer.of(self._resource(bucket, query["name"]))
        if query["uploadType"] == "multipart":
            metadata, content = _parts(headers["Content-Type"], body)
            name = query.get("name") or json.loads(metadata)["name"]
            self.put(bucket, name, content)
            return Answer.of(self._resource(bucket, name))
        if method == "POST":
            name = query.get("name") or json.loads(body)["name"]
            number = str(next(self._numbers))
            self._uploads[number] = (bucket, name), bytearray()
            # As Cloud Storage does: where the request went, by the host's own name.
            address = (
                f"https://{headers['Host']}" if headers["Host"] in HOSTS else f"http://{headers['Host']}"
            )
            location = f"{address}{path}?uploadType=resumable&upload_id={number}"
            return Answer(200, b"", (("Location", location),))
        target, received = self._uploads[query["upload_id"]]
        received += body
        total = headers.get("Content-Range", "/").rpartition("/")[2]
        if total == "*" or (total and len(received) < int(total)):
            so_far = (("Range", f"bytes=0-{len(received) - 1}"),) if received else ()
            return Answer(308, b"", so_far)
        del self._uploads[query["upload_id"]]
        self.put(*target, bytes(received))
        return Answer.of(self._resource(*target))

    def _batch(self, headers: Any, body: bytes) -> Answer:
        answers = []
        for number, part in enumerate(_parts(headers["Content-Type"], body), 1):
            head, _, rest = part.lstrip().partition(b"\n")
            method, target, _ = head.decode().split()
            fields = http.client.parse_headers(io.BytesIO(rest))
            inner = rest.replace(b"\r\n", b"\n").partition(b"\n\n")[2]
            answer = self.answer(method, target, fields, inner)
            lines = [
                f"HTTP/1.1 {answer.status} {http.client.responses[answer.status]}",
                "Content-Type: application/json; charset=UTF-8", f"Content-Length: {len(answer.body)}", "",
            ]  # fmt: skip
            content = "\r\n".join(lines).encode() + b"\r\n" + answer.body
            about = f"Content-Type: application/http\r\nContent-ID: <response-{number}>\r\n\r\n"
            answers.append(about.encode() + content)
        joined = b"".join(b"--batch\r\n" + answer + b"\r\n" for answer in answers) + b"--batch--"
        return Answer(200, joined, (("Content-Type", 'multipart/mixed; boundary="batch"'),))


def _parts(content_type: str, body: bytes) -> list[bytes]:
    """The contents of a multipart message."""
    header = f"Content-Type: {content_type}\r\nMIME-Version: 1.0\r\n\r\n".encode()
    message = email.parser.BytesParser(policy=email.policy.HTTP).parsebytes(header + body)
    return [part.get_payload(decode=True) or b"" for part in message.iter_parts()]  # type: ignore[misc]


class RemoteStore:
    """A store that another process serves."""

    scheme = "gs://"

    def __init__(self, address: str) -> None:
        self._address = address

    @property
    def history(self) -> list[tuple[str, str]]:
        return [(kind, name) for kind, name in self._get(_HISTORY)["history"]]

    def names(self, bucket: str, prefix: str = "") -> list[str]:
        found = self._get(f"/storage/v1/b/{bucket}/o?prefix={quote(prefix, safe='')}")
        return [item["name"] for item in found["items"]]

    def put(self, bucket: str, name: str, content: bytes) -> None:
        path = f"/upload/storage/v1/b/{bucket}/o?uploadType=media&name={quote(name, safe='')}"
        self._get(path, content)

    def _get(self, path: str, content: bytes | None = None) -> dict[str, Any]:
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(f"{self._address}{path}", content, timeout=60) as answer:
            found: dict[str, Any] = json.loads(answer.read())
        return found


@contextmanager
def serve_in_process(folder: Path) -> Iterator[tuple[RemoteStore, dict[str, str]]]:
    """A store in a process of its own, for clients in this one: TensorFlow's may hold the interpreter's lock
    while it waits for an answer."""
    command = [sys.executable, __file__, str(folder)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        environment = json.loads(process.stdout.readline())
        try:
            yield RemoteStore(environment["https_proxy"]), environment
        finally:
            process.kill()


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    store: ObjectStore
    tls: ssl.SSLContext

    def do_CONNECT(self) -> None:
        if self.path.partition(":")[0] not in HOSTS:
            self.send_error(403, "there is no network")
            return
        self.send_response(200, "Connection established")
        self.end_headers()
        self.connection = self.tls.wrap_socket(self.connection, server_side=True)
        self.rfile, self.wfile = self.connection.makefile("rb"), self.connection.makefile("wb")
        self.close_connection = False

    def finish(self) -> None:
        """Closes what `do_CONNECT` put in the place of the server's socket, too."""
        try:
            super().finish()
        finally:
            self.connection.close()

    def _serve(self) -> None:
        body = self._body()
        self.store.user_agents.add(self.headers.get("User-Agent", ""))
        try:
            answer = self.store.answer(self.command, self.path, self.headers, body)
        except Exception as error:
            answer = Answer(501, f"{self.command} {self.path}: {error!r}".encode())
        self.send_response(answer.status)
        for name, value in answer.headers:
            self.send_header(name, value)
        if answer.status != 204:
            self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        self.wfile.write(answer.body)
        self.wfile.flush()

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        body = b""
        while size := int(self.rfile.readline(), 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body

    do_GET = do_POST = do_PUT = do_DELETE = _serve

    def log_message(self, *_: object) -> None:
        """Not to standard error."""


@contextmanager
def serve(store: ObjectStore, folder: Path) -> Iterator[dict[str, str]]:
    """Serves ``store``; gives the environment by which clients find it. ``folder`` gets a certificate
    and credentials."""
    certificate, tls = _certificate(folder)
    handler = type("Handler", (_Handler,), {"store": store, "tls": tls})
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    credentials = folder / "credentials.json"
    user = {"type": "authorized_user", "client_id": "i", "client_secret": "s", "refresh_token": "r"}
    credentials.write_text(json.dumps(user), encoding="utf-8")
    proxy = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield {
            "https_proxy": proxy,
            "CURL_CA_BUNDLE": str(certificate),
            "REQUESTS_CA_BUNDLE": str(certificate),
            "GOOGLE_APPLICATION_CREDENTIALS": str(credentials),
            "GOOGLE_CLOUD_PROJECT": "none",
        }
    finally:
        server.shutdown()
        server.server_close()


def _certificate(folder: Path) -> tuple[Path, ssl.SSLContext]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, HOSTS[0])])
    now = datetime.datetime.now(datetime.timezone.utc)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host) for host in HOSTS]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem, private = folder / "certificate.pem", folder / "key.pem"
    pem.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem, private)
    return pem, context


if __name__ == "__main__":
    with serve(ObjectStore(), Path(sys.argv[1])) as found:
        print(json.dumps(found), flush=True)
        sys.stdin.read()
