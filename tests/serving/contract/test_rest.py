import gzip
import json
import math
import re

import pytest

MODEL = "/v1/models/numeric"
EXAMPLES = "/v1/models/examples"


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        ({"instances": [1, 2.5]}, {"predictions": [3.0, 7.5]}),
        ({"instances": [{"x": 1}]}, {"predictions": [3.0]}),
        ({"inputs": [1]}, {"outputs": [3.0]}),
        ({"inputs": {"x": [1]}, "more": 1}, {"outputs": [3.0]}),
        ({"inputs": [16777217]}, {"outputs": [50331648.0]}),
        ({"inputs": 1.5, "signature_name": "scalar"}, {"outputs": 2.5}),
        # The signature's shape is not enforced.
        ({"instances": [1, 2], "signature_name": "scalar"}, {"predictions": [2.0, 3.0]}),
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
        (
            {
                "signature_name": "echo",
                "inputs": {"flag": [], "long": [], "name": [], "small": [], "wide": []},
            },
            {
                "outputs": {
                    "flag": [],
                    "long": [],
                    "name": [],
                    "name_bytes": [],
                    "small": [],
                    "wide": [],
                }
            },
        ),
    ],
)
def test_a_prediction_answers_in_the_requests_layout(ask, document, expected):
    assert ask("POST", f"{MODEL}:predict", document) == (200, expected)


@pytest.mark.parametrize(
    ("path", "factor"),
    [
        (f"{MODEL}/versions/3", 3.0),
        (f"{MODEL}/versions/003", 3.0),
        (f"{MODEL}/labels/stable", 3.0),
        ("/v1/models/n%75meric", 3.0),
        ("/V1/Models/numeric", 3.0),
        ("/v1/models/all/versions/4", 4.0),
        ("/v1/models/two%20words", 5.0),
        ("/v1/models/two%20words/labels/a%2Fb", 5.0),
    ],
)
def test_versions_labels_and_encoded_names_choose_the_version(ask, path, factor):
    assert ask("POST", f"{path}:predict", {"inputs": [1]}) == (200, {"outputs": [factor]})


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ({"instances": []}, "No values in 'instances' array"),
        ({"instances": 1}, "Ex[cp]ecting 'instances' to be an list/array"),
        ({}, "^Missing 'inputs' or 'instances' key$"),
        ({"inputs": [1], "instances": [1]}, "expecting only one of 'inputs' or 'instances' keys to exist"),
        ({"inputs": [1], "signature_name": "S"}, '^Serving signature name: "S" not found in signature def$'),
        ({"inputs": [1], "signature_name": 3}, "'signature_name' key must be a string value.$"),
        ({"inputs": {"x": [1]}, "signature_name": "add"}, "^Missing named input: z in 'inputs' object.$"),
        ({"inputs": [1], "signature_name": "add"}, "^inputs is a plain value/list, but expecting an object"),
        ({"inputs": ["1"]}, '^JSON Value: "1" Type: String is not of expected type: float$'),
        ({"inputs": [True]}, "^JSON Value: true Type: True is not of expected type: float$"),
        ({"inputs": [None]}, "^JSON Value: null Type: Null is not of expected type: float$"),
        ({"inputs": [[1], [1, 2]]}, "^Encountered list at unexpected size: 2 at level: 1 expected size: 1$"),
        ({"inputs": [1, [2]]}, "^Encountered list at unexpected level: 1 expected < 1$"),
        (
            {"instances": [{"x": 1}], "signature_name": "add"},
            "^Failed to process element: 0 of 'instances' list. JSON object: .* keys must be equal to: x,z$",
        ),
        (
            {"instances": [{"x": 1, "z": 1, "q": 1}], "signature_name": "add"},
            "^Failed to process element: 0 key: q of 'instances' list."
            " Error: INVALID_ARGUMENT: JSON object: does not have named input: q$",
        ),
        ({"instances": [1, {"x": 1}]}, "^Expecting value/list but got object at item 1 of input list$"),
        ({"instances": [{"x": 1}, 1]}, "^Expecting object but got list at item 1 of input list$"),
        ({"inputs": [1000], "signature_name": "strict"}, "."),
        (
            {"inputs": [[0]], "signature_name": "matrix"},
            "^Failed to write JSON value for tensor type: half$",
        ),
    ],
)
def test_a_prediction_that_does_not_fit_is_400(ask, document, message):
    status, answer = ask("POST", f"{MODEL}:predict", document)
    assert status == 400
    assert set(answer) == {"error"}
    assert re.search(message, answer["error"], re.DOTALL)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("", "^JSON Parse error: The document is empty"),
        ("{", "^JSON Parse error: .* at offset: "),
        ("[1]", r"^JSON Value: \[1\] Is not object$"),
        ('{"inputs": [1], "signature_name": ""', "^JSON Parse error: "),
    ],
)
def test_a_body_that_is_no_json_object_is_400(ask, body, message):
    status, answer = ask("POST", f"{MODEL}:predict", body)
    assert status == 400
    assert re.search(message, answer["error"])


@pytest.mark.parametrize(
    ("method", "path", "status", "message"),
    [
        ("POST", "/v1/models/q:predict", 404, "Servable not found for request: Latest(q)"),
        ("POST", f"{MODEL}/versions/8:predict", 404, "Servable not found for request: Specific(numeric, 8)"),
        ("POST", f"{MODEL}/labels/L:predict", 400, "Unrecognized servable version label: L"),
        ("POST", f"{MODEL}/versions/{2**63}:predict", 400, f"Failed to convert version: {2**63} to numeric."),
        ("POST", f"{MODEL}:nothing", 400, f"Malformed request: POST {MODEL}:nothing"),
        ("POST", f"{MODEL}:PREDICT", 400, f"Malformed request: POST {MODEL}:PREDICT"),
        ("POST", f"{MODEL}/versions/x:predict", 400, f"Malformed request: POST {MODEL}/versions/x:predict"),
        ("GET", f"{MODEL}:predict", 400, f"Malformed request: GET {MODEL}:predict"),
        ("POST", MODEL, 400, f"Malformed request: POST {MODEL}"),
        ("PUT", f"{MODEL}:predict", 400, f"Malformed request: PUT {MODEL}:predict"),
        ("DELETE", MODEL, 400, f"Malformed request: DELETE {MODEL}"),
        ("GET", "/v1/models/versions/1", 400, "Missing model name in request."),
        ("GET", "/v1/nothing", 400, "Malformed request: GET /v1/nothing"),
        ("GET", f"{MODEL}/nothing", 400, f"Malformed request: GET {MODEL}/nothing"),
        ("GET", "/v1/models/q", 404, "Could not find any versions of model q"),
        ("GET", "/v1/models/metadata", 404, "Could not find any versions of model metadata"),
        ("GET", f"{MODEL}/versions/8", 404, "Could not find version 8 of model numeric"),
        ("GET", "/v1/models/q/metadata", 404, "Servable not found for request: Latest(q)"),
        ("GET", f"{MODEL}/labels/L/metadata", 400, "Unrecognized servable version label: L"),
        ("POST", "/v1/models/q:classify", 404, "Servable not found for request: Latest(q)"),
        ("POST", "/v1/models/q:regress", 404, "Servable not found for request: Latest(q)"),
    ],
)
def test_a_path_that_leads_nowhere_is_named(ask, method, path, status, message):
    body = '{"inputs": [1], "examples": [{}]}' if method == "POST" else None
    assert ask(method, path, body) == (status, {"error": message})


def test_no_model_at_all_is_named_or_openais_list_of_models_is_the_answer(ask):
    """The embedded server answers there as OpenAI's API does; it is the only path that both APIs have."""
    status, answer = ask("GET", "/v1/models")
    if status == 200:
        assert answer["object"] == "list"
        assert {"numeric", "two words"} <= {model["id"] for model in answer["data"]}
    else:
        assert (status, answer) == (400, {"error": "Missing model name in request."})


def test_nan_and_infinities_pass_through(ask):
    status, answer = ask("POST", f"{MODEL}:predict", '{"inputs": [NaN, Infinity, -Infinity]}')
    assert status == 200
    assert math.isnan(answer["outputs"][0])
    assert answer["outputs"][1:] == [math.inf, -math.inf]


def test_base64_stands_for_a_string(ask):
    document = {
        "signature_name": "echo",
        "instances": [{"flag": False, "long": 0, "name": {"b64": "w6k"}, "small": 0, "wide": 1}],
    }
    status, answer = ask("POST", f"{MODEL}:predict", document)
    assert (status, answer["predictions"][0]["name"]) == (200, "é")


def test_gzip_bodies_are_inflated(ask):
    headers = {"Content-Encoding": "gzip"}
    body = gzip.compress(b'{"inputs": [1]}')
    assert ask("POST", f"{MODEL}:predict", body, headers) == (200, {"outputs": [3.0]})


def test_the_status_is_json_with_the_protocols_names(ask):
    expected = {"version": "3", "state": "AVAILABLE", "status": {"error_code": "OK", "error_message": ""}}
    for path in (MODEL, f"{MODEL}/versions/3", f"{MODEL}/labels/stable", f"{MODEL}/METADATA"):
        assert ask("GET", path) == (200, {"model_version_status": [expected]})
    _, answer = ask("GET", "/v1/models/all")
    assert [found["version"] for found in answer["model_version_status"]] == ["5", "4", "3"]


def test_the_metadata_is_json_with_every_signature(ask):
    for path in (MODEL, f"{MODEL}/versions/3", f"{MODEL}/labels/stable"):
        status, answer = ask("GET", f"{path}/metadata")
        signatures = answer["metadata"]["signature_def"]["signature_def"]
        assert status == 200
        assert answer["model_spec"] == {"name": "numeric", "signature_name": "", "version": "3"}
        assert signatures["serving_default"]["inputs"]["x"]["dtype"] == "DT_FLOAT"
        shape = signatures["serving_default"]["inputs"]["x"]["tensor_shape"]
        assert shape == {"dim": [{"size": "-1", "name": ""}], "unknown_rank": False}
        assert signatures["serving_default"]["method_name"] == "tensorflow/serving/predict"


@pytest.mark.parametrize(
    ("method", "document", "expected"),
    [
        (
            "classify",
            {"examples": [{"x": 0.25}, {}]},
            [[["low", 0.75], ["high", 0.25]], [["low", 0.0], ["high", 1.0]]],
        ),
        ("classify", {"examples": [{"x": [0.25]}], "signature_name": "scores"}, [[["", 0.25]]]),
        ("regress", {"examples": [{"x": 0.25}, {"x": 2.0}], "signature_name": "regress"}, [0.5, 4.0]),
        (
            "regress",
            {"context": {"x": 3.0}, "examples": [{}, {"x": 2.0}], "signature_name": "column"},
            [9.0, 6.0],
        ),
    ],
)
def test_examples_are_classified_and_regressed(ask, method, document, expected):
    assert ask("POST", f"{EXAMPLES}:{method}", document) == (200, {"results": expected})


@pytest.mark.parametrize(
    ("method", "document", "message"),
    [
        ("classify", {}, "When method is classify, key 'examples' is expected and was not found$"),
        ("regress", {"examples": 1}, "Ex[cp]ecting 'examples' value to be an list/array$"),
        ("classify", {"examples": []}, "'examples' value is an empty array$"),
        ("classify", {"examples": [1]}, "^Example must be JSON object but got JSON Number$"),
        ("classify", {"examples": [{"x": None}]}, "^Feature: x has element with unexpected JSON type: Null$"),
        (
            "classify",
            {"examples": [{"x": [1.5, "a"]}]},
            "^Unexpected element type in feature: x expecting type: float$",
        ),
        (
            "classify",
            {"examples": [{}], "signature_name": "S"},
            "^No signature was found with the name: S$",
        ),
        (
            "regress",
            {"examples": [{}], "signature_name": "classify"},
            "^Expected one output Tensor.$",
        ),
        # A string where the graph parses a float.
        ("classify", {"examples": [{"x": "a"}]}, "."),
    ],
)
def test_examples_that_do_not_fit_are_400(ask, method, document, message):
    status, answer = ask("POST", f"{EXAMPLES}:{method}", document)
    assert status == 400
    assert re.search(message, answer["error"], re.DOTALL)


def test_errors_are_json_objects_of_one_key(ask):
    status, answer = ask("POST", f"{MODEL}:predict", json.dumps({"inputs": ["x" * 5000]}))
    assert status == 400
    assert list(answer) == ["error"]
    assert len(answer["error"]) <= 6000
