"""The JSON body of ``:predict`` to input tensors, and outputs to the JSON answer.

Two formats, told apart by the one key a request has::

    {"instances": [{"x": 1.0, "y": 2.0}, ...]}    rows     ->  {"predictions": [...]}
    {"inputs": {"x": [1.0, ...], "y": [2.0, ...]}}  columns  ->  {"outputs": ...}

A signature with a single input may drop its name in both; an answer with a single
output does. As on the stock server, a request over REST gives every input: the
signature's defaults are honoured over gRPC only.
"""

from __future__ import annotations

import enum
import json
from collections.abc import Mapping
from typing import Any

import tensorflow as tf

from serving.errors import InvalidArgumentError
from serving.rest.json_tensors import (
    Elements,
    body_of,
    elements_from_json,
    is_b64_object,
    json_from_tensor,
    shown,
    text_bytes,
)

DTypes = Mapping[str, tf.DType]
"""Input name -> dtype."""


class Layout(enum.Enum):
    """How a request lays out its tensors; the value is the answer's key."""

    ROWS = "predictions"
    COLUMNS = "outputs"


def _first_of_each(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    document = dict(pairs)
    if len(document) < len(pairs):
        document.update(reversed(pairs))
    return document


_DECODER = json.JSONDecoder(object_pairs_hook=_first_of_each)
_SPACE = " \t\r\n"


def parse_body(body: bytes) -> dict[str, Any]:
    """The JSON object that ``body`` begins with. ``NaN``, ``Infinity`` and ``-Infinity`` are numbers. As on
    the stock server, of two equal keys the first counts, and what follows the object does not."""
    try:
        text = body.decode("utf-8-sig")
        start = len(text) - len(text.lstrip(_SPACE))
        if start == len(text):
            raise InvalidArgumentError("JSON Parse error: The document is empty")
        document, _ = _DECODER.raw_decode(text, start)
    except UnicodeDecodeError as error:
        raise InvalidArgumentError(f"JSON Parse error: invalid UTF-8 at offset: {error.start}") from error
    except json.JSONDecodeError as error:
        raise InvalidArgumentError(f"JSON Parse error: {error.msg} at offset: {error.pos}") from error
    except RecursionError as error:
        raise InvalidArgumentError("JSON Parse error: nested too deeply") from error
    except ValueError as error:
        # Python refuses to read integers of thousands of digits.
        raise InvalidArgumentError(f"JSON Parse error: {error}") from error
    if not isinstance(document, dict):
        raise InvalidArgumentError(f"JSON Value: {shown(document)} Is not object")
    return document


def signature_name(document: dict[str, Any]) -> str:
    """The signature a request names; empty for the default one."""
    name = document.get("signature_name", "")
    if not isinstance(name, str):
        raise InvalidArgumentError(
            f"JSON Value: {shown(document)} not formatted correctly."
            " 'signature_name' key must be a string value."
        )
    return text_bytes(name).decode()


def input_tensors(document: dict[str, Any], dtypes: DTypes) -> tuple[Layout, dict[str, tf.Tensor]]:
    """The tensors of a request for a signature with inputs of ``dtypes``."""
    try:
        return _input_tensors(document, dtypes)
    except RecursionError as error:
        raise InvalidArgumentError("JSON Parse error: nested too deeply") from error


def answer_body(layout: Layout, outputs: Mapping[str, tf.Tensor]) -> bytes:
    """The JSON answer in the request's layout."""
    if not outputs:
        raise InvalidArgumentError("Cannot convert empty tensor map to JSON")
    if layout is Layout.ROWS:
        _check_rows(outputs)
    columns = {alias: json_from_tensor(alias, tensor) for alias, tensor in sorted(outputs.items())}
    answer: Any = columns
    if len(columns) == 1:
        (answer,) = columns.values()
    elif layout is Layout.ROWS:
        answer = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    return body_of({layout.value: answer})


def _input_tensors(document: dict[str, Any], dtypes: DTypes) -> tuple[Layout, dict[str, tf.Tensor]]:
    if "instances" in document and "inputs" in document:
        raise InvalidArgumentError(
            f"JSON Value: {shown(document)} Not formatted correctly expecting only"
            " one of 'inputs' or 'instances' keys to exist "
        )
    if "instances" in document:
        instances = document["instances"]
        if not isinstance(instances, list):
            raise InvalidArgumentError(
                f"JSON Value: {shown(document)} Expecting 'instances' to be an list/array"
            )
        if not instances:
            raise InvalidArgumentError(f"JSON Value: {shown(document)} No values in 'instances' array")
        return Layout.ROWS, _from_rows(instances, dtypes)
    if "inputs" in document:
        return Layout.COLUMNS, _from_columns(document["inputs"], dtypes)
    raise InvalidArgumentError("Missing 'inputs' or 'instances' key")


def _from_columns(inputs: Any, dtypes: DTypes) -> dict[str, tf.Tensor]:
    if not _is_named(inputs):
        if len(dtypes) > 1:
            raise InvalidArgumentError(
                "inputs is a plain value/list, but expecting an object as multiple "
                "input tensors required as per tensorinfo_map"
            )
        inputs = dict.fromkeys(dtypes, inputs)
    missing = [name for name in sorted(dtypes) if name not in inputs]
    if missing:
        raise InvalidArgumentError(f"Missing named input: {missing[0]} in 'inputs' object.")
    return {name: elements_from_json(inputs[name], dtype).tensor(dtype) for name, dtype in dtypes.items()}


def _from_rows(instances: list[Any], dtypes: DTypes) -> dict[str, tf.Tensor]:
    if not isinstance(instances[0], dict) and len(dtypes) > 1:
        raise InvalidArgumentError(
            "instances is a plain list, but expecting list of objects as multiple "
            "input tensors required as per tensorinfo_map"
        )
    named = _is_named(instances[0])
    rows: dict[str, list[Elements]] = {name: [] for name in dtypes}
    for index, instance in enumerate(instances):
        if named and not _is_named(instance):
            raise InvalidArgumentError(f"Expecting object but got list at item {index} of input list")
        if not named and _is_named(instance):
            raise InvalidArgumentError(f"Expecting value/list but got object at item {index} of input list")
        _add_row(index, instance, named, dtypes, rows)
    return {name: _stacked(rows[name]).tensor(dtype) for name, dtype in dtypes.items()}


def _add_row(index: int, instance: Any, named: bool, dtypes: DTypes, rows: dict[str, list[Elements]]) -> None:
    items = instance if named else dict.fromkeys(dtypes, instance)
    for name, value in items.items():
        try:
            _add_item(name, value, dtypes, rows)
        except InvalidArgumentError as error:
            key = f" key: {name}" if named else ""
            raise InvalidArgumentError(
                f"Failed to process element: {index}{key} of 'instances' list."
                f" Error: INVALID_ARGUMENT: {error.message}"
            ) from error
    if items.keys() != dtypes.keys():
        raise InvalidArgumentError(
            f"Failed to process element: {index} of 'instances' list. JSON object: {shown(instance)}"
            f" keys must be equal to: {','.join(sorted(dtypes))}"
        )


def _add_item(name: str, value: Any, dtypes: DTypes, rows: dict[str, list[Elements]]) -> None:
    if name not in dtypes:
        raise InvalidArgumentError(f"JSON object: does not have named input: {name}")
    elements = elements_from_json(value, dtypes[name])
    if rows[name]:
        expected = rows[name][0]
        if len(elements.values) != len(expected.values):
            raise InvalidArgumentError(
                f"Expecting tensor size: {len(expected.values)} but got: {len(elements.values)}"
            )
        if elements.shape != expected.shape:
            raise InvalidArgumentError(
                f"Expecting shape {_bare(expected.shape)} but got: {_bare(elements.shape)}"
            )
    rows[name].append(elements)


def _stacked(rows: list[Elements]) -> Elements:
    return Elements((len(rows), *rows[0].shape), [value for row in rows for value in row.values])


def _is_named(value: Any) -> bool:
    return isinstance(value, dict) and not is_b64_object(value)


def _bare(shape: tuple[int, ...]) -> str:
    return f"[{','.join(map(str, shape))}]"


def _check_rows(outputs: Mapping[str, tf.Tensor]) -> None:
    batch_size = None
    for alias, tensor in sorted(outputs.items()):
        if tensor.shape.rank == 0:
            raise InvalidArgumentError(f"Tensor name: {alias} has no shape information ")
        if batch_size is not None and tensor.shape[0] != batch_size:
            raise InvalidArgumentError(
                f"Tensor name: {alias} has inconsistent batch size: {tensor.shape[0]} expecting: {batch_size}"
            )
        batch_size = tensor.shape[0]
