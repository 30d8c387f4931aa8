"""Whatever is sent, the server answers with a result or a client's error, and lives on."""

import contextlib
import json

import pytest
import tensorflow as tf
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tensorflow.core.example import example_pb2
from tensorflow.core.framework import tensor_pb2
from tensorflow_serving.apis import (
    classification_pb2,
    inference_pb2,
    input_pb2,
    model_management_pb2,
    model_pb2,
    predict_pb2,
)

from serving.call import Call
from serving.errors import Code, InvalidArgumentError
from serving.inference.admission import Admission
from serving.rest.answers import Request, answer
from serving.rest.bodies import inflated
from serving.rpc.services import Answering, ModelServicer, PredictionServicer

THOROUGH = settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(min_value=-(2**80), max_value=2**80)
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from([{"b64": "YQ=="}, {"b64": "?"}, {"b64": 1}, {}, [], "\ud800"])
)
NAMES = st.sampled_from(["x", "z", "flag", "long", "name", "small", "wide", "b64"]) | st.text(max_size=4)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES, inner, max_size=5),
    max_leaves=20,
)
KEYS = st.sampled_from(["instances", "inputs", "signature_name", "examples", "context"])
SIGNATURES = st.sampled_from(["", "add", "echo", "matrix", "nothing"])
DOCUMENTS = st.fixed_dictionaries({}, optional={}) | st.dictionaries(
    KEYS | st.text(max_size=3), VALUES, max_size=4
)
NAMED = st.builds(
    lambda document, name: {**document, "signature_name": name}, st.dictionaries(KEYS, VALUES), SIGNATURES
)
PATHS = st.sampled_from(
    [
        *(
            f"/v1/models/numeric{chosen}:{method}"
            for chosen in ("", "/versions/3", "/labels/stable")
            for method in ("predict", "classify", "regress")
        ),
        "/v1/models/numeric:PREDICT",
    ]
)


def asked(models, method, path, body):
    given_answer = answer(models, Request(method, path, body), Call())
    assert given_answer.status in (200, 400, 404), given_answer.body
    json.loads(given_answer.body)
    return given_answer


@pytest.fixture(scope="module")
def models(numeric_server):
    return numeric_server.models


@THOROUGH
@given(path=PATHS, document=DOCUMENTS | NAMED | VALUES)
def test_any_json_is_answered(models, path, document):
    asked(models, "POST", path, json.dumps(document).encode())


@THOROUGH
@given(
    body=st.sampled_from(
        [
            b'{"instances": [1.0, 2.5, {"b64": "YQ=="}]}',
            b'{"signature_name": "echo", "instances": [{"flag": true, "long": 1, "name": "a", "small": 1,'
            b' "wide": 0.5}]}',
            b'{"inputs": {"x": [[1, 2], [3, 4]]}, "signature_name": "matrix"}',
            b'{"examples": [{"x": [1, "a", {"b64": "YQ"}]}], "context": {}}',
        ]
    ),
    edits=st.lists(
        st.tuples(st.floats(0, 1), st.sampled_from(["drop", "copy", "put"]), st.binary(max_size=4)),
        max_size=6,
    ),
    path=PATHS,
)
def test_a_damaged_request_is_answered(models, body, edits, path):
    for where, what, extra in edits:
        start = int(where * len(body))
        middle = {"drop": b"", "copy": body[start : start + 9] * 2, "put": extra}[what]
        body = body[:start] + middle + body[start + 1 :]
    asked(models, "POST", path, body)


@THOROUGH
@given(
    method=st.sampled_from(["GET", "POST", "PUT", "DELETE", "HEAD"]),
    path=st.text(alphabet="/:%v1models0123numericlabst\u00e9\ud800", max_size=40).map(
        lambda rest: f"/v1/{rest}"
    ),
)
def test_any_path_is_answered(models, method, path):
    asked(models, method, path, b"{}")


@THOROUGH
@given(body=st.binary(max_size=200), encoding=st.sampled_from(["gzip", "GZIP, x", "", "deflate"]))
def test_any_compressed_body_is_inflated_or_refused(body, encoding):
    with contextlib.suppress(InvalidArgumentError):
        assert len(inflated(body, encoding, max_bytes=1000)) <= 1000


class Refused(Exception):
    pass


class Context:
    """What a servicer needs of a gRPC context."""

    code = None

    def abort(self, code, details):
        self.code = code
        details.encode()
        raise Refused

    def time_remaining(self):
        return None

    def add_callback(self, callback):
        return True


def call(method, request):
    context = Context()
    try:
        method(request, context)
    except Refused:
        assert context.code.name not in (Code.INTERNAL.name, Code.UNKNOWN.name), request
    return context.code


@pytest.fixture(scope="module")
def answering(models):
    return Answering(models, Admission(8))


SIZES = st.integers(-2, 4) | st.sampled_from([2**31, 2**62, -(2**63)])
TENSORS = st.builds(
    lambda dtype, sizes, unknown, fields, content: _tensor(dtype, sizes, unknown, fields, content),
    st.sampled_from([0, 1, 2, 3, 4, 7, 9, 10, 19, 20, 21, 22, 23, 101]),
    st.lists(SIZES, max_size=3),
    st.booleans(),
    st.fixed_dictionaries(
        {},
        optional={
            "float_val": st.lists(st.floats(width=32), max_size=4),
            "double_val": st.lists(st.floats(), max_size=4),
            "int_val": st.lists(st.integers(-(2**31), 2**31 - 1), max_size=4),
            "int64_val": st.lists(st.integers(-(2**63), 2**63 - 1), max_size=4),
            "string_val": st.lists(st.binary(max_size=4), max_size=4),
            "bool_val": st.lists(st.booleans(), max_size=4),
        },
    ),
    st.binary(max_size=12),
)


def _tensor(dtype, sizes, unknown_rank, fields, content):
    proto = tensor_pb2.TensorProto(dtype=dtype, tensor_content=content, **fields)
    for size in sizes:
        proto.tensor_shape.dim.add(size=size)
    proto.tensor_shape.unknown_rank = unknown_rank
    return proto


SPECS = st.builds(
    lambda name, signature, version, label: _spec(name, signature, version, label),
    st.sampled_from(["numeric", "", "q"]),
    SIGNATURES | st.text(max_size=4),
    st.none() | st.integers(-(2**63), 2**63 - 1) | st.just(3),
    st.none() | st.sampled_from(["stable", "gone", "L"]),
)


def _spec(name, signature_name, version, label):
    found = model_pb2.ModelSpec(name=name, signature_name=signature_name)
    if version is not None:
        found.version.value = version
    if label is not None:
        found.version_label = label
    return found


TEXT = st.text(alphabet=st.characters(blacklist_categories=["Cs"]), max_size=4)


@THOROUGH
@given(
    spec=SPECS,
    inputs=st.dictionaries(st.sampled_from(["x", "z", "flag", "long", "name", "small", "wide"]), TENSORS),
    output_filter=st.lists(st.sampled_from(["y", "sum", "z"]), max_size=2),
)
def test_any_predict_request_is_answered(answering, spec, inputs, output_filter):
    request = predict_pb2.PredictRequest(model_spec=spec, output_filter=output_filter)
    for alias, proto in inputs.items():
        request.inputs[alias].CopyFrom(proto)
    call(PredictionServicer(answering).Predict, request)


@THOROUGH
@given(x=TENSORS)
def test_any_tensor_for_the_right_input_is_answered(answering, x):
    request = predict_pb2.PredictRequest(model_spec=model_pb2.ModelSpec(name="numeric"))
    request.inputs["x"].CopyFrom(x)
    call(PredictionServicer(answering).Predict, request)


@THOROUGH
@given(
    spec=SPECS, num_examples=st.integers(0, 3), has_context=st.booleans(), methods=st.lists(TEXT, max_size=2)
)
def test_any_request_with_examples_is_answered(answering, spec, num_examples, has_context, methods):
    given_input = input_pb2.Input()
    kind = given_input.example_list_with_context if has_context else given_input.example_list
    kind.examples.extend([example_pb2.Example()] * num_examples)
    servicer = PredictionServicer(answering)
    call(servicer.Classify, classification_pb2.ClassificationRequest(model_spec=spec, input=given_input))
    tasks = [
        inference_pb2.InferenceTask(model_spec=spec, method_name=method)
        for method in ["tensorflow/serving/regress", *methods]
    ]
    call(servicer.MultiInference, inference_pb2.MultiInferenceRequest(tasks=tasks, input=given_input))


@THOROUGH
@given(
    names=st.lists(st.sampled_from(["numeric", "", "a"]), min_size=1, max_size=3), path=TEXT, platform=TEXT
)
def test_a_reload_that_makes_no_sense_is_refused_and_changes_nothing(answering, names, path, platform):
    request = model_management_pb2.ReloadConfigRequest()
    for name in names:
        request.config.model_config_list.config.add(name=name, base_path=path, model_platform=platform)
    assert call(ModelServicer(answering).HandleReloadConfigRequest, request) is not None
    assert answering.models.model_names() == ["numeric"]


def test_the_server_still_answers_after_all_that(numeric_server):
    body = asked(numeric_server.models, "POST", "/v1/models/numeric:predict", b'{"inputs": [1]}').body
    assert json.loads(body) == {"outputs": [2.0]}
    assert tf.executing_eagerly()
