import json
import math

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st

from serving.errors import InvalidArgumentError, UnimplementedError
from serving.rest.json_tensors import elements_from_json, json_from_tensor, shown


def read(value, dtype):
    return elements_from_json(value, dtype).tensor(dtype).numpy().tolist()


@pytest.mark.parametrize(
    ("value", "dtype", "expected"),
    [
        ([1, 2.5], tf.float32, [1.0, 2.5]),
        ([[1], [2]], tf.int32, [[1], [2]]),
        (2**63 - 1, tf.int64, 2**63 - 1),
        (2**64 - 1, tf.uint64, 2**64 - 1),
        ([True], tf.bool, [True]),
        (2**24 + 1, tf.float32, float(2**24)),
        ([1e39, -(10**400)], tf.float32, [math.inf, -math.inf]),
        ([], tf.float32, []),
        (["naïve", {"b64": "/wA="}, {"b64": "/wA"}], tf.string, ["naïve".encode(), b"\xff\0", b"\xff\0"]),
    ],
)
def test_values_are_read(value, dtype, expected):
    assert read(value, dtype) == expected


def test_nan_and_infinities_are_read_and_written():
    values = read([math.nan, math.inf, -math.inf], tf.float32)
    assert json.dumps(json_from_tensor("y", tf.constant(values))) == "[NaN, Infinity, -Infinity]"


@pytest.mark.parametrize(
    ("value", "dtype", "message"),
    [
        (1.5, tf.int32, "JSON Value: 1.5 Type: Number is not of expected type: int32"),
        (1.0, tf.int64, "JSON Value: 1.0 Type: Number is not of expected type: int64"),
        (300, tf.uint8, "JSON Value: 300 Type: Number is not of expected type: uint8"),
        (True, tf.float32, "JSON Value: true Type: True is not of expected type: float"),
        (True, tf.int32, "JSON Value: true Type: True is not of expected type: int32"),
        ("1", tf.float64, 'JSON Value: "1" Type: String is not of expected type: double'),
        (None, tf.string, "JSON Value: null Type: Null is not of expected type: string"),
        (1, tf.string, "JSON Value: 1 Type: Number is not of expected type: string"),
        (1, tf.bool, "JSON Value: 1 Type: Number is not of expected type: bool"),
        ({"a": 1}, tf.float32, 'JSON Value: {\n    "a": 1\n} Type: Object is not of expected type: float'),
        ({"b65": "x"}, tf.string, 'JSON Value: {\n    "b65": "x"\n} not formatted correctly for base64 data'),
        ({"b64": "?"}, tf.string, "Unable to base64 decode"),
        ("\ud800", tf.string, "JSON Parse error: a string holds half of a surrogate pair"),
        ([[1], [2, 3]], tf.int32, "Encountered list at unexpected size: 2 at level: 1 expected size: 1"),
        ([1, [2]], tf.int32, "Encountered list at unexpected level: 1 expected < 1"),
        (
            [[1], 2],
            tf.int32,
            "JSON Value: 2 found at incorrect level: 2 in the JSON DOM. Expected at level: 2",
        ),
    ],
)
def test_nothing_is_converted(value, dtype, message):
    with pytest.raises(InvalidArgumentError) as caught:
        elements_from_json(value, dtype)
    assert caught.value.message == message


def test_a_dtype_without_json_form_is_unimplemented_as_input_and_an_invalid_argument_as_output():
    with pytest.raises(UnimplementedError, match=r"Conversion of JSON Value: 1.0 to type: half"):
        elements_from_json(1.0, tf.float16)
    with pytest.raises(InvalidArgumentError, match="Failed to write JSON value for tensor type: bfloat16"):
        json_from_tensor("y", tf.constant(1.0, tf.bfloat16))


def test_a_float_is_written_with_six_digits_or_with_nine_where_six_are_not_the_same_float():
    written = json.dumps(json_from_tensor("y", tf.constant([0.1, 1 / 3, 2.0, 1e7, 3e38])))
    assert written == "[0.1, 0.333333343, 2.0, 10000000.0, 3e+38]"
    assert json_from_tensor("y", tf.constant(1 / 3)) == 0.333333343
    assert json_from_tensor("y", tf.constant(1 / 3, tf.float64)) == 1 / 3


@given(st.floats(width=32, allow_nan=False))
def test_a_written_float_reads_back_as_itself(value):
    assert np.float32(json_from_tensor("y", tf.constant(value, tf.float32))) == np.float32(value)


def test_a_value_in_a_message_is_laid_out_and_cut_as_on_the_stock_server():
    assert shown({"a": [1, {"b": "é"}], "c": {}}) == (
        '{\n    "a": [1, {\n            "b": "é"\n        }],\n    "c": {}\n}'
    )
    assert shown(list(range(1000))) == json.dumps(list(range(1000)))[:256]
    deep = []
    for _ in range(100_000):
        deep = [deep]
    assert shown(deep) == "[" * 256
    assert len(shown({"a": 10**5000})) < 256


def test_strings_are_written_as_text_and_as_objects_under_names_in_bytes():
    tensor = tf.constant([[b"caf\xc3\xa9"], [b"\xff"]])
    assert json_from_tensor("y", tensor) == [["café"], ["�"]]
    assert json_from_tensor("y_bytes", tensor) == [[{"b64": "Y2Fmw6k="}], [{"b64": "/w=="}]]
    assert json_from_tensor("y", tf.constant(b"a\0")) == "a\0"
