"""Amazon S3 as its clients see it, in memory: for ``s3://`` paths without a network.

The server is moto's, an independent one, in a process of its own: TensorFlow's client may hold the
interpreter's lock while it waits for an answer. Clients find it by the variables that `environment` gives:
TensorFlow's (of tensorflow-io, in C++) reads ``S3_ENDPOINT``, and boto3, by which Beam reads and writes,
``AWS_ENDPOINT_URL_S3``. Around it stands what the server does not tell: the order in which objects were
written, and who asked.
"""

from __future__ import annotations

import json
import logging
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

_SEEN = "/_seen"
"""Not of S3: the writes in order, and the clients' names for themselves."""


class S3Store:
    """Buckets that another process serves, by boto3."""

    scheme = "s3://"

    def __init__(self, address: str) -> None:
        import boto3

        self._address = address
        self._client = boto3.client(
            "s3",
            endpoint_url=address,
            region_name="us-east-1",
            aws_access_key_id="i",
            aws_secret_access_key="s",
        )

    @property
    def history(self) -> list[tuple[str, str]]:
        return [(kind, name) for kind, name in self._seen()["history"]]

    @property
    def user_agents(self) -> set[str]:
        return set(self._seen()["user_agents"])

    def create(self, bucket: str) -> None:
        self._client.create_bucket(Bucket=bucket)

    def put(self, bucket: str, name: str, content: bytes) -> None:
        self._client.put_object(Bucket=bucket, Key=name, Body=content)

    def read(self, bucket: str, name: str) -> bytes:
        content: bytes = self._client.get_object(Bucket=bucket, Key=name)["Body"].read()
        return content

    def names(self, bucket: str, prefix: str = "") -> list[str]:
        pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
        return sorted(item["Key"] for page in pages for item in page.get("Contents", ()))

    def _seen(self) -> dict[str, Any]:
        with urllib.request.urlopen(f"{self._address}{_SEEN}", timeout=60) as answer:
            found: dict[str, Any] = json.loads(answer.read())
        return found


def environment(address: str) -> dict[str, str]:
    """By which TensorFlow's client and boto3 find the server, and do not ask the machine who they are."""
    return {
        "S3_ENDPOINT": address,
        "AWS_ENDPOINT_URL_S3": address,
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "i",
        "AWS_SECRET_ACCESS_KEY": "s",
        "AWS_EC2_METADATA_DISABLED": "true",
    }


@contextmanager
def serve_in_process(buckets: Iterable[str]) -> Iterator[tuple[S3Store, dict[str, str]]]:
    """A store with these buckets, and the environment by which clients find it."""
    command = [sys.executable, __file__]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        address = process.stdout.readline().strip()
        try:
            store = S3Store(address)
            for bucket in buckets:
                store.create(bucket)
            yield store, environment(address)
        finally:
            process.kill()


class _Witness:
    """The server, and what is seen of its requests."""

    def __init__(self, application: Callable[..., Iterable[bytes]]) -> None:
        self._application = application
        self._history: list[tuple[str, str]] = []
        self._user_agents: set[str] = set()

    def __call__(self, request: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        if request["PATH_INFO"] == _SEEN:
            start("200 OK", [("Content-Type", "application/json")])
            seen = {"history": self._history, "user_agents": sorted(self._user_agents)}
            return [json.dumps(seen).encode()]
        name = request["PATH_INFO"].lstrip("/").partition("/")[2]
        whole = request["REQUEST_METHOD"] == "PUT" and "uploadId=" not in request["QUERY_STRING"]
        if whole or (request["REQUEST_METHOD"] == "POST" and "uploadId=" in request["QUERY_STRING"]):
            self._history.append(("write", name))
        self._user_agents.add(request.get("HTTP_USER_AGENT", ""))
        return self._application(request, start)


def _serve() -> None:
    from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
    from werkzeug.serving import make_server

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    application = _Witness(DomainDispatcherApplication(create_backend_app))
    server = make_server("127.0.0.1", 0, application, threaded=True)
    print(f"http://127.0.0.1:{server.port}", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    _serve()
