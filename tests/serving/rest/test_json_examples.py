import json

import pytest
from tensorflow_serving.apis import classification_pb2, regression_pb2

from serving.errors import InvalidArgumentError
from serving.rest.json_examples import classification_body, regression_body, request_input


def features(example):
    return {
        name: (feature.WhichOneof("kind"), list(getattr(feature, feature.WhichOneof("kind")).value))
        for name, feature in example.features.feature.items()
    }


def test_features_hold_strings_floats_or_integers():
    document = {
        "examples": [
            {
                "text": ["é", {"b64": "/w=="}],
                "real": [1.5, 2.0],
                "whole": [1, True],
                "one": 3,
                "big": -(2**80),
            }
        ]
    }
    (example,) = request_input(document).example_list.examples
    assert features(example) == {
        "text": ("bytes_list", ["é".encode(), b"\xff"]),
        "real": ("float_list", [1.5, 2.0]),
        "whole": ("int64_list", [1, 1]),
        "one": ("int64_list", [3]),
        "big": ("float_list", [-(2.0**80)]),
    }


def test_a_context_goes_before_all_examples():
    found = request_input({"context": {"c": 1}, "examples": [{"a": 1}, {"a": 2}]})
    assert features(found.example_list_with_context.context) == {"c": ("int64_list", [1])}
    assert len(found.example_list_with_context.examples) == 2


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ({}, "When method is classify, key 'examples' is expected and was not found"),
        ({"examples": 1}, "Expecting 'examples' value to be an list/array"),
        ({"examples": []}, "'examples' value is an empty array"),
        ({"examples": [1]}, "Example must be JSON object but got JSON Number"),
        ({"examples": [{}], "context": []}, "Example must be JSON object but got JSON Array"),
        ({"examples": [{"a": None}]}, "Feature: a has element with unexpected JSON type: Null"),
        ({"examples": [{"a": [[1]]}]}, "Feature: a has element with unexpected JSON type: Array"),
        ({"examples": [{"a": {"b": 1}}]}, "Feature: a has element with unexpected JSON type: Object"),
        ({"examples": [{"a": {"b64": "?"}}]}, "Unable to base64 decode"),
        ({"examples": [{"a": [1, "b"]}]}, "Unexpected element type in feature: a expecting type: int64"),
        ({"examples": [{"a": ["b", 1.5]}]}, "Unexpected element type in feature: a expecting type: bytes"),
        ({"examples": [{"a": 2**63}]}, "Feature: a has uint64_t element. Only int64_t is supported."),
    ],
)
def test_examples_that_do_not_fit_are_named(document, message):
    with pytest.raises(InvalidArgumentError) as caught:
        request_input(document)
    assert caught.value.message.endswith(message)


def test_results_are_written_as_lists():
    classes = classification_pb2.ClassificationResult()
    added = classes.classifications.add()
    added.classes.add(label="é", score=0.1)
    added.classes.add(score=float("inf"))
    assert classification_body(classes).decode() == '{"results": [[["é", 0.1], ["", Infinity]]]}'
    numbers = regression_pb2.RegressionResult()
    numbers.regressions.add(value=1 / 3)
    assert json.loads(regression_body(numbers)) == {"results": [0.333333343]}
