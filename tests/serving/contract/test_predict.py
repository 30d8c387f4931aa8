import re

import pytest
import tensorflow as tf
from tensorflow.core.framework import tensor_pb2
from tensorflow_serving.apis import model_pb2, predict_pb2


def spec(signature_name="", name="numeric", version=None, label=None):
    found = model_pb2.ModelSpec(name=name, signature_name=signature_name, version_label=label)
    if version is not None:
        found.version.value = version
    return found


def request_for(model_spec, output_filter=(), **inputs):
    request = predict_pb2.PredictRequest(model_spec=model_spec, output_filter=output_filter)
    for alias, value in inputs.items():
        is_proto = isinstance(value, tensor_pb2.TensorProto)
        request.inputs[alias].CopyFrom(value if is_proto else tf.make_tensor_proto(value))
    return request


def tensor(dtype, size, **values):
    proto = tensor_pb2.TensorProto(dtype=dtype, **values)
    proto.tensor_shape.dim.add(size=size)
    return proto


X = tf.constant([1.0, 2.5])
FLOAT, DOUBLE, HALF = 1, 2, 19


def test_an_answer_is_in_typed_fields_and_names_model_version_and_signature(api):
    answer = api.predictions.Predict(request_for(spec(), x=X))
    assert list(answer.outputs["y"].float_val) == [3.0, 7.5]
    assert [dim.size for dim in answer.outputs["y"].tensor_shape.dim] == [2]
    assert not answer.outputs["y"].tensor_content
    assert answer.model_spec.name == "numeric"
    assert answer.model_spec.version.value == 3
    assert answer.model_spec.signature_name == "serving_default"


@pytest.mark.parametrize(
    ("model_spec", "factor"),
    [
        (spec(version=3), 3.0),
        (spec(label="stable"), 3.0),
        (spec(name="all"), 5.0),
        (spec(name="all", version=4), 4.0),
        (spec(name="two words"), 5.0),
        (spec(name="two words", version=4), 4.0),
        (spec(name="two words", label="a/b"), 5.0),
    ],
)
def test_names_versions_and_labels_choose_the_version(api, model_spec, factor):
    answer = api.predictions.Predict(request_for(model_spec, x=X))
    assert list(answer.outputs["y"].float_val) == [factor, 2.5 * factor]
    assert answer.model_spec.version.value == factor


def test_defaults_are_filled_in_and_only_the_filtered_outputs_sent(api):
    answer = api.predictions.Predict(request_for(spec("add"), ["sum"], x=X))
    assert {alias: list(proto.float_val) for alias, proto in answer.outputs.items()} == {"sum": [11.0, 12.5]}
    answer = api.predictions.Predict(request_for(spec("add"), x=X, z=X))
    assert set(answer.outputs) == {"sum", "difference"}


@pytest.mark.parametrize(
    ("sent", "values"),
    [
        (tensor(FLOAT, 3, float_val=[1, 2, 3]), [3.0, 6.0, 9.0]),
        (tensor(FLOAT, 3, float_val=[1, 2]), [3.0, 6.0, 6.0]),
        (tensor(FLOAT, 3, float_val=[2]), [6.0, 6.0, 6.0]),
        (tensor(FLOAT, 2, tensor_content=b"\0\0\x80?\0\0\0@"), [3.0, 6.0]),
        (tensor(FLOAT, 2), [0.0, 0.0]),
        (tensor(FLOAT, 0), []),
    ],
)
def test_every_form_of_a_tensor_is_read(api, sent, values):
    answer = api.predictions.Predict(request_for(spec(), x=sent))
    assert list(answer.outputs["y"].float_val) == values


def test_every_dtype_comes_back_in_its_field(api):
    answer = api.predictions.Predict(
        request_for(
            spec("echo"),
            flag=[True, False],
            long=tf.constant([2**62, -1], tf.int64),
            name=[b"\xff\0", b""],
            small=tf.constant([0, 255], tf.uint8),
            wide=tf.constant([0.1, -0.0], tf.float64),
        )
    )
    assert list(answer.outputs["flag"].bool_val) == [True, False]
    assert list(answer.outputs["long"].int64_val) == [2**62, -1]
    assert list(answer.outputs["name"].string_val) == [b"\xff\0", b""]
    assert list(answer.outputs["small"].int_val) == [0, 255]
    assert list(answer.outputs["wide"].double_val) == [0.1, -0.0]
    halves = api.predictions.Predict(request_for(spec("matrix"), x=tf.constant([[1.5]])))
    assert list(halves.outputs["half"].half_val) == [0x3E00]


def test_messages_beyond_grpcs_default_limit_pass(api):
    # One row, so that a server that batches takes it too.
    name = b"a" * 5_000_000
    rest = {"flag": [True], "long": tf.constant([1], tf.int64), "small": tf.constant([1], tf.uint8)}
    answer = api.predictions.Predict(
        request_for(spec("echo"), ["name"], name=[name], wide=tf.constant([1.0], tf.float64), **rest)
    )
    assert answer.outputs["name"].string_val[0] == name


NO_INPUTS = (
    "input size does not match signature: 0!=1 len({}) != len({x})."
    " Sent extra: {}. Missing but required: {x}."
)
TOO_MANY = (
    "input size does not match signature: 2!=1 len({q,x}) != len({x})."
    " Sent extra: {q}. Missing but required: {}."
)
BAD, MISSING, PRECONDITION = "INVALID_ARGUMENT", "NOT_FOUND", "FAILED_PRECONDITION"


@pytest.mark.parametrize(
    ("request_", "code", "message"),
    [
        (predict_pb2.PredictRequest(), BAD, "Missing ModelSpec"),
        (request_for(spec(name=""), x=X), BAD, "ModelSpec has no name specified."),
        (request_for(spec(name="q"), x=X), MISSING, "Servable not found for request: Latest(q)"),
        (
            request_for(spec(name="q", version=1), x=X),
            MISSING,
            "Servable not found for request: Specific(q, 1)",
        ),
        (
            request_for(spec(name="q", label="L"), x=X),
            BAD,
            "Unrecognized servable version label: L",
        ),
        (
            request_for(spec(version=8), x=X),
            MISSING,
            "Servable not found for request: Specific(numeric, 8)",
        ),
        (
            request_for(spec(label="gone"), x=X),
            MISSING,
            "Servable not found for request: Specific(numeric, 9)",
        ),
        (request_for(spec(label="L"), x=X), BAD, "Unrecognized servable version label: L"),
        (request_for(spec("S"), x=X), PRECONDITION, 'Serving signature key "S" not found.'),
        (request_for(spec("S" * 5000), x=X), PRECONDITION, f'Serving signature key "{"S" * 1001}'),
        (request_for(spec()), BAD, NO_INPUTS),
        (request_for(spec(), x=X, q=X), BAD, TOO_MANY),
        (
            request_for(spec(), x=tf.constant([1.0], tf.float64)),
            BAD,
            "Expects arg[0] to be float but double is provided",
        ),
        (
            request_for(spec("product"), a=X, b=tf.constant([1])),
            BAD,
            "Expects arg[1] to be float but int32 is provided",
        ),
        (request_for(spec(), x=tensor(FLOAT, 2, tensor_content=b"123")), BAD, "tensor parsing error: x"),
        (request_for(spec(), x=tensor(0, 1)), BAD, "tensor parsing error: x"),
        (request_for(spec(), x=tensor(FLOAT, -1, float_val=[1])), BAD, "tensor parsing error: x"),
        (
            request_for(spec(), ["z"], x=X),
            BAD,
            "output tensor alias not found in signature: z Outputs expected to be in the set {y}.",
        ),
        (request_for(spec(), ["y", "y"], x=X), BAD, "duplicate output tensor alias: y"),
    ],
)
def test_a_refusal_has_the_stock_servers_code_and_words(api, refusal, request_, code, message):
    assert refusal(api.predictions.Predict, request_) == (code, message)


@pytest.mark.parametrize(
    ("request_", "pattern"),
    [
        (
            request_for(spec("product"), a=X, q=X),
            r"Signature input alias: b\(feed name: .*\) not found in request and no default value .*",
        ),
        (request_for(spec("add"), z=X), r"Signature input alias: x\(feed name: .*\) not found in request .*"),
        (request_for(spec("product"), a=X, b=tf.constant([1.0, 2.0, 3.0])), ".+"),
        (request_for(spec("strict"), x=tf.constant([1000.0])), ".+"),
    ],
)
def test_what_the_graph_or_the_defaults_refuse_is_an_invalid_argument(api, refusal, request_, pattern):
    code, message = refusal(api.predictions.Predict, request_)
    assert code == BAD
    assert re.fullmatch(pattern, message, re.DOTALL)
