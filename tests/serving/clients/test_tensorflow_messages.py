"""The client's own messages against TensorFlow's, in one process."""

import numpy as np
import pytest
import tensorflow as tf
from tensorflow.core.framework import tensor_pb2
from tensorflow_serving.apis import get_model_status_pb2, predict_pb2

from serving.clients import tensorflow_messages as messages
from serving.clients.grpc_form import GrpcForm, values_of, vector
from serving.clients.requests import Chat, ModelName, Predict, Signatures, Status, Stream
from serving.errors import InternalError, UnimplementedError

OURS_AND_REAL = [
    (messages.TensorProto, tensor_pb2.TensorProto),
    (messages.PredictRequest, predict_pb2.PredictRequest),
    (messages.PredictResponse, predict_pb2.PredictResponse),
    (messages.GetModelStatusRequest, get_model_status_pb2.GetModelStatusRequest),
    (messages.GetModelStatusResponse, get_model_status_pb2.GetModelStatusResponse),
]


def differences(ours, theirs, seen):
    """Fields, values and messages below ``ours`` that are not those of ``theirs``."""
    if ours.full_name in seen:
        return
    seen.add(ours.full_name)
    if ours.full_name != theirs.full_name:
        yield f"{ours.full_name} is not {theirs.full_name}"
    for field in ours.fields:
        real = theirs.fields_by_name[field.name]
        # protobuf 6 has `is_repeated` in the place of `label`, and warns of the latter.
        repetition = "is_repeated" if hasattr(field, "is_repeated") else "label"
        for trait in ("number", "type", repetition, "is_packed"):
            if hasattr(field, trait) and getattr(field, trait) != getattr(real, trait):
                yield f"{field.full_name}: {trait}"
        if field.message_type:
            yield from differences(field.message_type, real.message_type, seen)
        for value in field.enum_type.values if field.enum_type else ():
            if real.enum_type.values_by_name[value.name].number != value.number:
                yield value.full_name


@pytest.mark.parametrize(("message", "real"), OURS_AND_REAL)
def test_every_field_is_tensorflows(message, real):
    seen = set()
    assert list(differences(message.DESCRIPTOR, real.DESCRIPTOR, seen)) == []
    assert message.DESCRIPTOR.full_name in seen
    assert message is not real


COLUMNS = {
    "prompts": ["", "naïve"],
    "max_new_tokens": [5],
    "temperature": [0.5],
    "top_k": [0],
    "top_p": [1.0],
    "seed": [-1, 7],
}


def test_tensorflow_reads_a_request_as_it_was_meant():
    asked = GrpcForm("h:1", ModelName("m", version=3)).encoded(Predict("generate", COLUMNS))
    assert asked.path == "/tensorflow.serving.PredictionService/Predict"
    request = predict_pb2.PredictRequest.FromString(asked.message)
    assert (request.model_spec.name, request.model_spec.version.value) == ("m", 3)
    assert request.model_spec.signature_name == "generate"
    found = {name: tf.make_ndarray(proto).tolist() for name, proto in request.inputs.items()}
    assert found == {**COLUMNS, "prompts": [b"", "naïve".encode()]}


def test_a_label_is_sent_as_one():
    asked = GrpcForm("h:1", ModelName("m", label="stable")).encoded(Status())
    assert asked.path == "/tensorflow.serving.ModelService/GetModelStatus"
    request = get_model_status_pb2.GetModelStatusRequest.FromString(asked.message)
    assert request.model_spec.version_label == "stable"


@pytest.mark.parametrize(
    ("values", "dtype"),
    [([1.5, -2.0, 0.1], "float32"), ([1, -2, 2**31 - 1], "int32"), ([b"a", b""], "string")],
)
def test_values_are_read_in_every_form_that_a_server_may_send(values, dtype):
    values = np.array(values, dtype if dtype != "string" else object)
    content = messages.TensorProto.FromString(tf.make_tensor_proto(values).SerializeToString())
    assert values_of(content, dtype) == values.tolist()
    assert values_of(vector(values.tolist(), dtype), dtype) == values.tolist()


def test_the_last_value_repeats_as_far_as_the_shape_says():
    proto = vector([4, 5], "int32")
    proto.tensor_shape.dim[0].size = 4
    assert values_of(proto, "int32") == [4, 5, 5, 5]


def test_another_dtype_is_refused():
    with pytest.raises(InternalError, match="dtype 3 where the contract says float32"):
        values_of(vector([4], "int32"), "float32")


@pytest.mark.parametrize("request_", [Stream("a", {}, ()), Chat((), {}, ()), Signatures()], ids=str)
def test_what_grpc_has_not_is_said_with_what_has_it(request_):
    with pytest.raises(UnimplementedError, match="ask over REST"):
        GrpcForm("h:1", ModelName("m")).encoded(request_)
