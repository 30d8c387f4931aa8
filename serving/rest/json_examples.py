"""The JSON body of :classify and :regress to examples, and results to the JSON answer.

``{"signature_name": ..., "context": {...}, "examples": [{"age": 3, "name": ["a", "b"]}, ...]}``:
an example's features hold strings (text or ``{"b64": ...}``), floats, or integers and booleans;
the context's features are merged into each example. The answer is
``{"results": [[["label", score], ...], ...]}``, or ``{"results": [number, ...]}``.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from tensorflow.core.example import example_pb2, feature_pb2
from tensorflow_serving.apis import classification_pb2, input_pb2, regression_pb2

from serving.errors import InvalidArgumentError
from serving.rest.json_tensors import (
    as_decimal,
    b64_bytes,
    body_of,
    is_b64_object,
    json_type,
    shown,
    text_bytes,
)

_KINDS = {"bytes_list": "bytes", "float_list": "float", "int64_list": "int64", None: "UNKNOWN"}


def request_input(document: dict[str, Any]) -> input_pb2.Input:
    """The examples of a request, and the context they share if there is one."""
    request = input_pb2.Input()
    examples: Any = request.example_list
    if "context" in document:
        examples = request.example_list_with_context
        examples.context.CopyFrom(_example(document["context"]))
    if "examples" not in document:
        raise InvalidArgumentError(
            f"JSON Value: {shown(document)} When method is classify, key 'examples' is expected"
            " and was not found"
        )
    values = document["examples"]
    if not isinstance(values, list):
        raise InvalidArgumentError(
            f"JSON Value: {shown(document)} Expecting 'examples' value to be an list/array"
        )
    if not values:
        raise InvalidArgumentError(f"JSON Value: {shown(document)} 'examples' value is an empty array")
    for value in values:
        examples.examples.add().CopyFrom(_example(value))
    return request


def classification_body(result: classification_pb2.ClassificationResult) -> bytes:
    """The JSON answer of a classification."""
    rows = [
        [
            [found.label, score]
            for found, score in zip(
                classes.classes, _decimals([found.score for found in classes.classes]), strict=True
            )
        ]
        for classes in result.classifications
    ]
    return body_of({"results": rows})


def regression_body(result: regression_pb2.RegressionResult) -> bytes:
    """The JSON answer of a regression."""
    return body_of({"results": _decimals([found.value for found in result.regressions])})


def _decimals(values: list[float]) -> list[float]:
    return as_decimal(np.array(values, np.float32)).tolist() if values else []


def _example(value: Any) -> example_pb2.Example:
    if not isinstance(value, dict):
        raise InvalidArgumentError(f"Example must be JSON object but got JSON {json_type(value)}")
    example = example_pb2.Example()
    for name, content in value.items():
        feature = feature_pb2.Feature()
        for item in content if isinstance(content, list) else [content]:
            _add(item, name, feature)
        # A name with half of a surrogate pair would be no text.
        example.features.feature[text_bytes(name).decode()].CopyFrom(feature)
    return example


def _add(item: Any, name: str, feature: feature_pb2.Feature) -> None:
    kind, value = _kind_and_value(item, name)
    found = feature.WhichOneof("kind")
    if found not in (None, kind):
        raise InvalidArgumentError(
            f"Unexpected element type in feature: {name} expecting type: {_KINDS[found]}"
        )
    getattr(feature, kind).value.append(value)


def _kind_and_value(item: Any, name: str) -> tuple[str, Any]:
    if isinstance(item, str):
        return "bytes_list", text_bytes(item)
    if is_b64_object(item):
        return "bytes_list", b64_bytes(item["b64"])
    if isinstance(item, bool):
        return "int64_list", int(item)
    if isinstance(item, int):
        return _integer(item, name)
    if isinstance(item, float):
        return "float_list", item
    raise InvalidArgumentError(f"Feature: {name} has element with unexpected JSON type: {json_type(item)}")


def _integer(item: int, name: str) -> tuple[str, Any]:
    if 2**63 <= item < 2**64:
        raise InvalidArgumentError(f"Feature: {name} has uint64_t element. Only int64_t is supported.")
    if -(2**63) <= item < 2**63:
        return "int64_list", item
    # What no 64-bit integer holds is read as a double.
    return "float_list", float(item) if abs(item) < 10**300 else float("inf") * (1 if item > 0 else -1)
