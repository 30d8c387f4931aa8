import json

import pytest
import tensorflow as tf

from serving.errors import InvalidArgumentError
from serving.rest.json_predict import Layout, answer_body, input_tensors, parse_body, signature_name

ONE = {"x": tf.float32}
TWO = {"x": tf.float32, "y": tf.string}


def lists(tensors):
    return {name: t.numpy().tolist() if t.shape.rank else t.numpy() for name, t in tensors.items()}


@pytest.mark.parametrize(
    ("document", "dtypes", "layout", "expected"),
    [
        ({"instances": [1, 2]}, ONE, Layout.ROWS, {"x": [1.0, 2.0]}),
        ({"instances": [{"x": [1]}, {"x": [2]}]}, ONE, Layout.ROWS, {"x": [[1.0], [2.0]]}),
        ({"instances": [{"b64": "YQ=="}]}, {"s": tf.string}, Layout.ROWS, {"s": [b"a"]}),
        ({"instances": [{"x": 1, "y": "a"}], "context": 0}, TWO, Layout.ROWS, {"x": [1.0], "y": [b"a"]}),
        ({"inputs": [1, 2]}, ONE, Layout.COLUMNS, {"x": [1.0, 2.0]}),
        ({"inputs": {"b64": "YQ=="}}, {"s": tf.string}, Layout.COLUMNS, {"s": b"a"}),
        ({"inputs": {"x": [1], "y": ["a", "b"]}}, TWO, Layout.COLUMNS, {"x": [1.0], "y": [b"a", b"b"]}),
    ],
)
def test_rows_and_columns_become_tensors(document, dtypes, layout, expected):
    found, tensors = input_tensors(document, dtypes)
    assert found is layout
    assert lists(tensors) == expected


@pytest.mark.parametrize(
    ("document", "dtypes", "message"),
    [
        ({}, ONE, "Missing 'inputs' or 'instances' key"),
        (
            {"inputs": [1], "instances": [1]},
            ONE,
            "expecting only one of 'inputs' or 'instances' keys to exist",
        ),
        ({"instances": []}, ONE, "No values in 'instances' array"),
        ({"instances": {"x": 1}}, ONE, "Expecting 'instances' to be an list/array"),
        ({"instances": [1]}, TWO, "instances is a plain list, but expecting list of objects"),
        (
            {"instances": [{"x": 1}]},
            TWO,
            r"of 'instances' list. JSON object: (?s:.*) keys must be equal to: x,y",
        ),
        ({"instances": [{"x": 1, "q": 1}]}, ONE, "element: 0 key: q .*does not have named input: q"),
        ({"instances": [1, {"x": 1}]}, ONE, "Expecting value/list but got object at item 1"),
        ({"instances": [{"x": 1}, 1]}, ONE, "Expecting object but got list at item 1"),
        (
            {"instances": [[1], [1, 2]]},
            ONE,
            "element: 1 of 'instances' list. Error: .*tensor size: 1 but got: 2",
        ),
        ({"instances": [[[1, 2]], [[1], [2]]]}, ONE, r"Expecting shape \[1,2\] but got: \[2,1\]"),
        ({"inputs": [1]}, TWO, "inputs is a plain value/list, but expecting an object"),
        ({"inputs": {"x": [1]}}, TWO, "Missing named input: y in 'inputs' object."),
    ],
)
def test_malformed_requests_are_named(document, dtypes, message):
    with pytest.raises(InvalidArgumentError, match=message):
        input_tensors(document, dtypes)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "JSON Parse error: The document is empty"),
        (b"{", "JSON Parse error: .* at offset: 1"),
        (b"[1]", r"JSON Value: \[1\] Is not object"),
        (b'{"a": "\xff"}', "JSON Parse error: invalid UTF-8 at offset: 7"),
        (b"[" * 100_000, "nested too deeply"),
        (b'{"inputs": ' * 100_000, "nested too deeply"),
        (b'{"inputs": ' + b"1" * 10_000 + b"}", "JSON Parse error: "),
    ],
)
def test_bodies_that_are_no_json_objects_are_refused(body, message):
    with pytest.raises(InvalidArgumentError, match=message):
        parse_body(body)


@pytest.mark.parametrize("depth", [300, 600, 900])
def test_deep_lists_never_crash_the_reader(depth):
    body = b'{"inputs": ' + b"[" * depth + b"1" + b"]" * depth + b"}"
    with pytest.raises((InvalidArgumentError, ValueError)):
        input_tensors(parse_body(body), TWO)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b' {"a": 1} and more', {"a": 1}),
        (b'{"a": 1, "a": 2}', {"a": 1}),
        (b'\xef\xbb\xbf{"a": 1}', {"a": 1}),
        (b'{"a": [{"b": 1, "b": 2, "c": 3}]}', {"a": [{"b": 1, "c": 3}]}),
    ],
)
def test_what_follows_the_object_and_repeated_keys_do_not_count(body, expected):
    assert parse_body(body) == expected


def test_the_signature_name_is_a_string():
    assert signature_name({}) == ""
    assert signature_name({"signature_name": "score"}) == "score"
    with pytest.raises(InvalidArgumentError, match="'signature_name' key must be a string value"):
        signature_name({"signature_name": 3})


def test_answers_keep_the_requests_layout_and_drop_a_single_name():
    one = {"y": tf.constant([1, 2])}
    two = {"y": tf.constant([1, 2]), "a": tf.constant(["p", "q"])}
    answers = [json.loads(answer_body(layout, given)) for layout in Layout for given in (one, two)]
    assert answers == [
        {"predictions": [1, 2]},
        {"predictions": [{"a": "p", "y": 1}, {"a": "q", "y": 2}]},
        {"outputs": [1, 2]},
        {"outputs": {"a": ["p", "q"], "y": [1, 2]}},
    ]


def test_rows_need_outputs_with_one_batch_size():
    with pytest.raises(InvalidArgumentError, match="Tensor name: y has no shape information"):
        answer_body(Layout.ROWS, {"y": tf.constant(1)})
    with pytest.raises(
        InvalidArgumentError, match="Tensor name: z has inconsistent batch size: 1 expecting: 2"
    ):
        answer_body(Layout.ROWS, {"y": tf.constant([1, 2]), "z": tf.constant([1])})
