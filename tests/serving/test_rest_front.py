import gzip
import http.client
import json
import urllib.parse

import pytest

from serving.errors import InvalidArgumentError
from serving.rest_front import inflated

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


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        ({"instances": [1, 2.5]}, {"predictions": [2.0, 5.0]}),
        ({"instances": [{"x": 1}]}, {"predictions": [2.0]}),
        ({"inputs": [1]}, {"outputs": [2.0]}),
        ({"inputs": {"x": [1]}, "more": 1}, {"outputs": [2.0]}),
        (
            {"signature_name": "add", "instances": [{"x": 1, "z": 2}]},
            {"predictions": [{"difference": -1.0, "sum": 3.0}]},
        ),
        (
            {"signature_name": "add", "inputs": {"x": [1], "z": [2]}},
            {"outputs": {"difference": [-1.0], "sum": [3.0]}},
        ),
        (
            {
                "signature_name": "echo",
                "instances": [{"flag": True, "long": 2**62, "name": "é", "small": 255, "wide": 0.1}],
            },
            {
                "predictions": [
                    {
                        "flag": True,
                        "long": 2**62,
                        "name": "é",
                        "name_bytes": {"b64": "w6k="},
                        "small": 255,
                        "wide": 0.1,
                    }
                ]
            },
        ),
    ],
)
def test_predict_answers_in_the_requests_layout(ask, document, expected):
    assert predict(ask, document) == (200, expected)


@pytest.mark.parametrize(
    "path", [f"{MODEL}/versions/3", f"{MODEL}/labels/stable", "/v1/models/n%75meric", "/V1/Models/numeric"]
)
def test_versions_labels_and_encoded_names_choose_the_model(ask, path):
    assert predict(ask, {"inputs": [1]}, path) == (200, {"outputs": [2.0]})


@pytest.mark.parametrize(
    ("document", "status", "message"),
    [
        ({"instances": []}, 400, "No values in 'instances' array"),
        (
            {"inputs": [1], "signature_name": "S"},
            400,
            'Serving signature name: "S" not found in signature def',
        ),
        ({"inputs": {"x": [1]}, "signature_name": "add"}, 400, "Missing named input: z in 'inputs' object."),
        ({"inputs": ["1"]}, 400, 'JSON Value: "1" Type: String is not of expected type: float'),
        (
            {"inputs": [[0]] * 5, "signature_name": "matrix"},
            400,
            "the batch has more than 4 rows: send fewer",
        ),
        (
            {"inputs": [[0]], "signature_name": "matrix"},
            400,
            "Failed to write JSON value for tensor type: half",
        ),
    ],
)
def test_requests_that_do_not_fit_are_400(ask, document, status, message):
    found_status, answer = predict(ask, document)
    assert found_status == status
    assert set(answer) == {"error"}
    assert message in answer["error"]


@pytest.mark.parametrize(
    ("method", "path", "status", "message"),
    [
        ("POST", "/v1/models/q:predict", 404, "Servable not found for request: Latest(q)"),
        ("POST", f"{MODEL}/versions/8:predict", 404, "Servable not found for request: Specific(numeric, 8)"),
        ("POST", f"{MODEL}/labels/L:predict", 400, "Unrecognized servable version label: L"),
        ("POST", f"{MODEL}/versions/{2**63}:predict", 400, f"Failed to convert version: {2**63} to numeric."),
        ("POST", f"{MODEL}:nothing", 400, f"Malformed request: POST {MODEL}:nothing"),
        ("POST", f"{MODEL}:PREDICT", 400, f"Malformed request: POST {MODEL}:PREDICT"),
        ("GET", f"{MODEL}:predict", 400, f"Malformed request: GET {MODEL}:predict"),
        ("POST", MODEL, 400, f"Malformed request: POST {MODEL}"),
        ("DELETE", MODEL, 400, f"Malformed request: DELETE {MODEL}"),
        ("GET", "/v1/models", 400, "Missing model name in request."),
        ("GET", "/v1/nothing", 400, "Malformed request: GET /v1/nothing"),
        ("GET", "/v1/models/q", 404, "Could not find any versions of model q"),
        ("GET", f"{MODEL}/versions/8", 404, "Could not find version 8 of model numeric"),
        ("GET", "/v1/models/q/metadata", 404, "Servable not found for request: Latest(q)"),
        ("GET", "/", 404, "No such path"),
        ("POST", "/v2/models/numeric:predict", 404, "No such path"),
        ("POST", f"{MODEL}:classify", 501, "classify is not implemented"),
        ("POST", f"{MODEL}:regress", 501, "regress is not implemented"),
    ],
)
def test_paths_that_lead_nowhere_are_named(ask, method, path, status, message):
    body = '{"inputs": [1]}' if method == "POST" else None
    found_status, answer = ask(method, path, body)
    assert found_status == status
    assert message in answer["error"]


def test_nan_and_infinities_pass_through(ask):
    status, answer = ask("POST", f"{MODEL}:predict", '{"inputs": [NaN, Infinity, -Infinity]}')
    assert status == 200
    assert json.dumps(answer) == '{"outputs": [NaN, Infinity, -Infinity]}'


def test_a_body_that_is_no_json_is_400(ask):
    assert ask("POST", f"{MODEL}:predict", "{")[0] == 400
    assert ask("POST", f"{MODEL}:predict", "") == (400, {"error": "JSON Parse error: The document is empty"})


def test_deep_nesting_is_400_and_the_server_lives_on(ask):
    for body in ("[" * 100_000, '{"inputs": ' + "[" * 900 + "]" * 900 + "}"):
        assert ask("POST", f"{MODEL}:predict", body)[0] == 400
    assert predict(ask, {"inputs": [1]})[0] == 200


def test_gzip_bodies_are_inflated(ask):
    body = gzip.compress(b'{"inputs": [1]}')
    headers = {"Content-Encoding": "gzip"}
    assert ask("POST", f"{MODEL}:predict", body, headers) == (200, {"outputs": [2.0]})
    assert ask("POST", f"{MODEL}:predict", b"no gzip", headers)[0] == 400
    assert ask("POST", f"{MODEL}:predict", body[:-9], headers)[0] == 400


def test_gzip_bodies_are_inflated_up_to_a_limit_only():
    assert inflated(gzip.compress(b"a" * 1000), "gzip", max_bytes=1000) == b"a" * 1000
    with pytest.raises(InvalidArgumentError, match="inflates to more than 999 bytes"):
        inflated(gzip.compress(b"a" * 1000), "gzip", max_bytes=999)


def test_status_is_json_with_the_protocols_names(ask):
    status = {"version": "3", "state": "AVAILABLE", "status": {"error_code": "OK", "error_message": ""}}
    for path in (MODEL, f"{MODEL}/versions/3", f"{MODEL}/labels/stable"):
        assert ask("GET", path) == (200, {"model_version_status": [status]})


def test_metadata_is_json_with_every_signature(ask):
    status, answer = ask("GET", f"{MODEL}/metadata")
    signatures = answer["metadata"]["signature_def"]["signature_def"]
    assert status == 200
    assert answer["model_spec"] == {"name": "numeric", "signature_name": "", "version": "3"}
    assert signatures["serving_default"]["inputs"]["x"]["dtype"] == "DT_FLOAT"
    assert signatures["serving_default"]["inputs"]["x"]["tensor_shape"]["dim"] == [{"size": "-1", "name": ""}]
    assert list(signatures["add"]["defaults"]) == ["z"]
