"""One JSON value to the elements of a tensor, and a tensor back to JSON values.

The rules are TensorFlow Serving's: a value's shape is that of its first elements at
each level; integers pass for floats when a float holds them exactly; nothing else is
converted; ``{"b64": "..."}`` is a string anywhere. A string tensor is written as text,
and as ``{"b64": ...}`` objects when its name ends in ``_bytes``; bytes that are not
UTF-8 are written as U+FFFD under other names (the stock server would emit broken JSON).
"""

from __future__ import annotations

import base64
import binascii
import dataclasses
import json
import math
from typing import Any

import numpy as np
import tensorflow as tf

from serving.errors import InvalidArgumentError, UnimplementedError
from serving.tensor_protos import dtype_name

BYTES_SUFFIX = "_bytes"

MAX_RANK = 31
"""With the batch in front, as many dimensions as an array can have."""

_SHOWN_CHARACTERS = 512


@dataclasses.dataclass(frozen=True)
class Elements:
    """A dense tensor's shape and its values, in row-major order."""

    shape: tuple[int, ...]
    values: list[Any]

    def tensor(self, dtype: tf.DType) -> tf.Tensor:
        array = np.empty(len(self.values), dtype=dtype.as_numpy_dtype)
        array[:] = self.values
        return tf.constant(array.reshape(self.shape), dtype)


def elements_from_json(value: Any, dtype: tf.DType) -> Elements:
    """The elements of a nested list or a single value, each checked against ``dtype``."""
    shape: list[int] = []
    first = value
    while isinstance(first, list):
        shape.append(len(first))
        if not first:
            break
        first = first[0]
    if len(shape) > MAX_RANK:
        raise InvalidArgumentError(f"JSON Value: {len(shape)} levels of lists; expected at most {MAX_RANK}")
    values: list[Any] = []
    _append(value, 0, tuple(shape), dtype, values)
    return Elements(tuple(shape), values)


def json_from_tensor(alias: str, tensor: tf.Tensor) -> Any:
    """The tensor as nested lists, or as a single value when it is a scalar."""
    array = np.asarray(tensor.numpy(), dtype=tensor.dtype.as_numpy_dtype)
    if tensor.dtype == tf.string:
        write = _b64_object if alias.endswith(BYTES_SUFFIX) else _text
        return _mapped(array, write)
    if tensor.dtype == tf.float32:
        # The shortest decimal that reads back as the same float, not as the nearest double.
        array = array.astype(str).astype(np.float64)
    elif not (tensor.dtype.is_integer or tensor.dtype in (tf.float64, tf.bool)):
        name = dtype_name(tensor.dtype.as_datatype_enum)
        raise InvalidArgumentError(f"Failed to write JSON value for tensor type: {name}")
    return array.tolist()


def is_b64_object(value: Any) -> bool:
    """If ``value`` is an object that stands for a string."""
    return isinstance(value, dict) and len(value) == 1 and isinstance(value.get("b64"), str)


def shown(value: Any) -> str:
    """``value`` as JSON, for an error message."""
    try:
        return json.dumps(value, ensure_ascii=False)[:_SHOWN_CHARACTERS]
    except RecursionError:
        return "(a deeply nested value)"


def _append(value: Any, level: int, shape: tuple[int, ...], dtype: tf.DType, values: list[Any]) -> None:
    if not isinstance(value, list):
        if level != len(shape):
            raise InvalidArgumentError(
                f"JSON Value: {shown(value)} found at incorrect level: {level + 1}"
                f" in the JSON DOM. Expected at level: {len(shape)}"
            )
        values.append(_element(value, dtype))
        return
    if level >= len(shape):
        raise InvalidArgumentError(f"Encountered list at unexpected level: {level} expected < {len(shape)}")
    if len(value) != shape[level]:
        raise InvalidArgumentError(
            f"Encountered list at unexpected size: {len(value)} at level: {level}"
            f" expected size: {shape[level]}"
        )
    for item in value:
        _append(item, level + 1, shape, dtype, values)


def _element(value: Any, dtype: tf.DType) -> Any:
    if dtype == tf.string:
        return _string(value)
    if dtype == tf.bool:
        accepted = isinstance(value, bool)
    elif dtype in (tf.float32, tf.float64):
        accepted = isinstance(value, int | float) and not isinstance(value, bool)
        if accepted and not _is_lossless(value, dtype):
            name = dtype_name(dtype.as_datatype_enum)
            raise InvalidArgumentError(
                f"Cannot convert JSON value: {shown(value)} to {name} without loss of precision."
            )
    elif dtype.is_integer:
        accepted = type(value) is int and dtype.min <= value <= dtype.max
    else:
        raise UnimplementedError(
            f"Conversion of JSON Value: {shown(value)} to type: {dtype_name(dtype.as_datatype_enum)}"
        )
    if not accepted:
        raise _type_error(value, dtype)
    return value


def _string(value: Any) -> bytes:
    if isinstance(value, str):
        try:
            return value.encode()
        except UnicodeEncodeError as error:
            raise InvalidArgumentError("JSON Parse error: a string holds half of a surrogate pair") from error
    if is_b64_object(value):
        return _b64_bytes(value["b64"])
    if isinstance(value, dict):
        raise InvalidArgumentError(f"JSON Value: {shown(value)} not formatted correctly for base64 data")
    raise _type_error(value, tf.string)


def _b64_bytes(text: str) -> bytes:
    packed = "".join(text.split()).rstrip("=")
    try:
        return base64.b64decode(packed + "=" * (-len(packed) % 4), validate=True)
    except (binascii.Error, ValueError) as error:
        raise InvalidArgumentError("Unable to base64 decode") from error


def _is_lossless(value: int | float, dtype: tf.DType) -> bool:
    if isinstance(value, int):
        significand_bits = 24 if dtype == tf.float32 else 53
        return abs(value) < 2**significand_bits
    return not math.isfinite(value) or abs(value) <= float(dtype.max)


def _type_error(value: Any, dtype: tf.DType) -> InvalidArgumentError:
    name = dtype_name(dtype.as_datatype_enum)
    return InvalidArgumentError(
        f"JSON Value: {shown(value)} Type: {_json_type(value)} is not of expected type: {name}"
    )


def _json_type(value: Any) -> str:
    if value is None:
        return "Null"
    if isinstance(value, bool):
        return str(value)
    names: dict[type, str] = {dict: "Object", list: "Array", str: "String"}
    return names.get(type(value), "Number")


def _mapped(array: np.ndarray, write: Any) -> Any:
    if array.ndim == 0:
        return write(array.item())
    return [_mapped(item, write) if isinstance(item, np.ndarray) else write(item) for item in array]


def _text(value: bytes) -> str:
    return value.decode("utf-8", errors="replace")


def _b64_object(value: bytes) -> dict[str, str]:
    return {"b64": base64.b64encode(value).decode()}
