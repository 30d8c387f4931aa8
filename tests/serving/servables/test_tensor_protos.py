import pytest
import tensorflow as tf
from tensorflow.core.framework import tensor_pb2, types_pb2

from serving.errors import InvalidArgumentError
from serving.servables.tensor_protos import dtype_name, proto_from_tensor, tensor_from_proto


@pytest.mark.parametrize(
    "dtype",
    [
        *("float32", "float64", "float16", "bfloat16", "int8", "int16", "int32", "int64"),
        *("uint8", "uint16", "uint32", "uint64", "bool", "complex64", "complex128"),
    ],
)
@pytest.mark.parametrize("shape", [[], [0], [3], [2, 2]])
def test_a_tensor_survives_the_round_trip_without_tensor_content(dtype, shape):
    count = int(tf.reduce_prod(shape))
    tensor = tf.reshape(tf.cast(tf.constant([1, 0, 3, 4][:count]), dtype), shape)
    proto = proto_from_tensor(tensor)
    back = tensor_from_proto(proto, "x")
    assert not proto.tensor_content
    assert back.dtype == tensor.dtype
    assert back.shape == tensor.shape
    assert back.numpy().tolist() == tensor.numpy().tolist()


@pytest.mark.parametrize("value", [b"ends in NUL\0", [b"a", b"\xff\0"], [[b""], [b"b"]]])
def test_strings_survive_the_round_trip_byte_for_byte(value):
    back = tensor_from_proto(proto_from_tensor(tf.constant(value)), "x").numpy()
    assert (back.tolist() if hasattr(back, "tolist") else back) == value


def test_a_dtype_without_a_field_of_its_own_survives_too():
    tensor = tf.cast(tf.constant([1.0, -0.5]), tf.as_dtype("float8_e4m3fn"))
    again = tensor_from_proto(proto_from_tensor(tensor), "x")
    assert again.dtype == tensor.dtype
    assert tf.cast(again, tf.float32).numpy().tolist() == [1.0, -0.5]


def test_tensor_content_is_understood():
    proto = tf.make_tensor_proto([1.0, 2.0])
    assert proto.tensor_content
    assert tensor_from_proto(proto, "x").numpy().tolist() == [1.0, 2.0]


def _floats(shape, values):
    proto = tensor_pb2.TensorProto(dtype=types_pb2.DT_FLOAT, float_val=values)
    for size in shape:
        proto.tensor_shape.dim.add(size=size)
    return proto


def test_a_list_shorter_than_the_shape_repeats_its_last_value():
    assert tensor_from_proto(_floats([4], [1.0, 2.0]), "x").numpy().tolist() == [1.0, 2.0, 2.0, 2.0]


@pytest.mark.parametrize(
    "proto",
    [
        tensor_pb2.TensorProto(),
        tensor_pb2.TensorProto(dtype=999),
        tensor_pb2.TensorProto(dtype=types_pb2.DT_FLOAT, tensor_content=b"123"),
        _floats([-1], [1.0]),
        _floats([2**20, 2**20], [1.0]),
        _floats([2**62, 2**62], [1.0]),
    ],
)
def test_a_broken_proto_is_an_invalid_argument(proto):
    with pytest.raises(InvalidArgumentError, match=r"^tensor parsing error: x$"):
        tensor_from_proto(proto, "x")


def test_dtypes_are_spelt_as_in_c_plus_plus():
    enums = [types_pb2.DT_FLOAT, types_pb2.DT_DOUBLE, types_pb2.DT_HALF, types_pb2.DT_INT32]
    assert [dtype_name(enum) for enum in enums] == ["float", "double", "half", "int32"]
