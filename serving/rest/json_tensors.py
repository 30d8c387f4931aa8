"""One JSON value to the elements of a tensor, and a tensor back to JSON values.

The rules are TensorFlow Serving's: a value's shape is that of its first elements at
each level; integers pass for floats; nothing else is converted; ``{"b64": "..."}`` is a
string anywhere. A string tensor is written as text, and as ``{"b64": ...}`` objects when
its name ends in ``_bytes``; bytes that are not UTF-8 are written as U+FFFD under other
names (the stock server would emit broken JSON).
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
from serving.servables.tensor_protos import dtype_name

BYTES_SUFFIX = "_bytes"

MAX_RANK = 31
"""With the batch in front, as many dimensions as an array can have."""

_READABLE = {
    *(tf.float32, tf.float64, tf.bool, tf.string),
    *(tf.int8, tf.int16, tf.int32, tf.int64, tf.uint8, tf.uint32, tf.uint64),
}
"""The dtypes that have a JSON form, in both directions."""

_SHOWN_CHARACTERS = 256
_INDENT = "    "


@dataclasses.dataclass(frozen=True)
class Elements:
    """A dense tensor's shape and its values, in row-major order."""

    shape: tuple[int, ...]
    values: list[Any]

    def tensor(self, dtype: tf.DType) -> tf.Tensor:
        array = np.empty(len(self.values), dtype=dtype.as_numpy_dtype)
        with np.errstate(over="ignore"):
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
    if tensor.dtype not in _READABLE:
        name = dtype_name(tensor.dtype.as_datatype_enum)
        raise InvalidArgumentError(f"Failed to write JSON value for tensor type: {name}")
    if tensor.dtype == tf.float32:
        array = as_decimal(array)
    return array.tolist()


def is_b64_object(value: Any) -> bool:
    """If ``value`` is an object that stands for a string."""
    return isinstance(value, dict) and len(value) == 1 and isinstance(value.get("b64"), str)


def as_decimal(values: np.ndarray) -> np.ndarray:
    """Each float32 as the double that TensorFlow Serving writes: of six digits if that is the same float32,
    else of nine (0.1, and 0.333333343 for a third)."""
    short = np.char.mod("%g", values).astype(np.float64)
    exact = np.char.mod("%.9g", values).astype(np.float64)
    with np.errstate(over="ignore"):
        return np.where(short.astype(np.float32) == values, short, exact)


def body_of(document: Any) -> bytes:
    """A JSON body."""
    return json.dumps(document, ensure_ascii=False).encode()


def shown(value: Any) -> str:
    """The beginning of ``value`` as JSON, laid out as the stock server does in its messages."""
    parts: list[str] = []
    _show(value, 0, parts, _SHOWN_CHARACTERS)
    return "".join(parts)[:_SHOWN_CHARACTERS]


def text_bytes(text: str) -> bytes:
    """A JSON string in UTF-8."""
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise InvalidArgumentError("JSON Parse error: a string holds half of a surrogate pair") from error


def b64_bytes(text: str) -> bytes:
    """What a base64 string stands for; its padding may be missing."""
    packed = "".join(text.split()).rstrip("=")
    try:
        return base64.b64decode(packed + "=" * (-len(packed) % 4), validate=True)
    except (binascii.Error, ValueError) as error:
        raise InvalidArgumentError("Unable to base64 decode") from error


def json_type(value: Any) -> str:
    """What kind of JSON value this is, in the stock server's words."""
    if value is None:
        return "Null"
    if isinstance(value, bool):
        return str(value)
    names: dict[type, str] = {dict: "Object", list: "Array", str: "String"}
    return names.get(type(value), "Number")


def _show(value: Any, level: int, parts: list[str], room: int) -> int:
    """Appends ``value`` to ``parts`` and returns the room that is left; stops when there is none."""
    if not isinstance(value, dict | list) or not value:
        text = _scalar(value, room)
        parts.append(text)
        return room - len(text)
    opening, closing = ("{\n", "}") if isinstance(value, dict) else ("[", "]")
    indent = _INDENT * (level + 1)
    items = list(value.items()) if isinstance(value, dict) else [(None, item) for item in value]
    parts.append(opening)
    room -= len(opening)
    for index, (key, item) in enumerate(items):
        if room <= 0:
            return room
        if key is None:
            lead = ", " if index else ""
        else:
            lead = (",\n" if index else "") + indent + _scalar(key, room) + ": "
        parts.append(lead)
        room = _show(item, level + 1, parts, room - len(lead))
    end = f"\n{_INDENT * level}{closing}" if isinstance(value, dict) else closing
    parts.append(end)
    return room - len(end)


def _scalar(value: Any, room: int) -> str:
    if isinstance(value, int) and not isinstance(value, bool) and value.bit_length() > 8 * _SHOWN_CHARACTERS:
        return "(a very long integer)"
    text = value[: max(room, 0)] if isinstance(value, str) else value
    return json.dumps(text, ensure_ascii=False).encode("utf-8", errors="replace").decode()


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
    if dtype not in _READABLE:
        raise UnimplementedError(
            f"Conversion of JSON Value: {shown(value)} to type: {dtype_name(dtype.as_datatype_enum)}"
        )
    if dtype == tf.string:
        return _string(value)
    if dtype == tf.bool:
        accepted = isinstance(value, bool)
    elif dtype.is_floating:
        accepted = isinstance(value, int | float) and not isinstance(value, bool)
        value = _double(value) if accepted else value
    else:
        accepted = type(value) is int and dtype.min <= value <= dtype.max
    if not accepted:
        raise _type_error(value, dtype)
    return value


def _string(value: Any) -> bytes:
    if isinstance(value, str):
        return text_bytes(value)
    if is_b64_object(value):
        return b64_bytes(value["b64"])
    if isinstance(value, dict):
        raise InvalidArgumentError(f"JSON Value: {shown(value)} not formatted correctly for base64 data")
    raise _type_error(value, tf.string)


def _double(value: int | float) -> float:
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


def _type_error(value: Any, dtype: tf.DType) -> InvalidArgumentError:
    name = dtype_name(dtype.as_datatype_enum)
    return InvalidArgumentError(
        f"JSON Value: {shown(value)} Type: {json_type(value)} is not of expected type: {name}"
    )


def _mapped(array: np.ndarray, write: Any) -> Any:
    if array.ndim == 0:
        return write(array.item())
    return [_mapped(item, write) if isinstance(item, np.ndarray) else write(item) for item in array]


def _text(value: bytes) -> str:
    return value.decode("utf-8", errors="replace")


def _b64_object(value: bytes) -> dict[str, str]:
    return {"b64": base64.b64encode(value).decode()}
