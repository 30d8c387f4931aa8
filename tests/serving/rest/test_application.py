import gzip
import http.client
import json
import urllib.parse

import pytest

from serving.errors import InvalidArgumentError
from serving.rest.bodies import inflated

MODEL = "/v1/models/numeric"


@pytest.fixture(scope="module")
def ask(numeric_server):
    location = urllib.parse.urlsplit(numeric_server.rest_url)

    def ask(method, path, body=None, headers=None):
        connection = http.client.HTTPConnection(location.hostname, location.port, timeout=20)
        try:
            connection.request(method, path, body, headers or {})
            response = connection.getresponse()
            assert response.headers["Content-Type"].startswith("application/json")
            return response.status, json.loads(response.read())
        finally:
            connection.close()

    return ask


def predict(ask, document, path=MODEL):
    return ask("POST", f"{path}:predict", json.dumps(document))


def test_deep_nesting_is_400_and_the_server_lives_on(ask):
    for body in ("[" * 100_000, '{"inputs": ' + "[" * 900 + "]" * 900 + "}"):
        assert ask("POST", f"{MODEL}:predict", body)[0] == 400
    assert predict(ask, {"inputs": [1]})[0] == 200


def test_gzip_bodies_are_inflated(ask):
    body = gzip.compress(b'{"inputs": [1]}')
    headers = {"Content-Encoding": "gzip"}
    assert ask("POST", f"{MODEL}:predict", b"no gzip", headers)[0] == 400
    assert ask("POST", f"{MODEL}:predict", body[:-9], headers)[0] == 400


def test_gzip_bodies_are_inflated_up_to_a_limit_only():
    assert inflated(gzip.compress(b"a" * 1000), "gzip", max_bytes=1000) == b"a" * 1000
    with pytest.raises(InvalidArgumentError, match="inflates to more than 999 bytes"):
        inflated(gzip.compress(b"a" * 1000), "gzip", max_bytes=999)
