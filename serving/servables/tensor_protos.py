"""TensorProto to tensor and back, as TensorFlow Serving does it.

Reading goes through TensorFlow's own parser, so every form a client may send
(``tensor_content``, typed fields, a list shorter than the shape, whose last value
repeats) means the same as on the stock server. Writing fills the typed fields
(``float_val`` and so on), which some clients need; ``tensor_content`` only when asked for.
"""

from __future__ import annotations

import math

import numpy as np
import tensorflow as tf
from tensorflow.core.framework import tensor_pb2

from serving.errors import InvalidArgumentError

MAX_TENSOR_BYTES = 2**31 - 1
"""A shape that asks for more is refused: one repeated value must not fill the memory."""

_SPELLING = {"float32": "float", "float64": "double", "float16": "half"}

_FIELDS = {
    tf.float32: "float_val",
    tf.float64: "double_val",
    tf.int32: "int_val",
    tf.int16: "int_val",
    tf.int8: "int_val",
    tf.uint8: "int_val",
    tf.uint16: "int_val",
    tf.int64: "int64_val",
    tf.uint32: "uint32_val",
    tf.uint64: "uint64_val",
    tf.bool: "bool_val",
    tf.string: "string_val",
    tf.float16: "half_val",
    tf.bfloat16: "half_val",
    tf.complex64: "scomplex_val",
    tf.complex128: "dcomplex_val",
}


def dtype_name(dtype: int) -> str:
    """``DT_FLOAT`` as TensorFlow's C++ spells it in messages: ``float``."""
    name = tf.dtypes.as_dtype(dtype).name
    return _SPELLING.get(name, name)


def tensor_from_proto(proto: tensor_pb2.TensorProto, alias: str) -> tf.Tensor:
    """The tensor that ``proto`` describes; InvalidArgumentError if it describes none."""
    try:
        dtype = tf.dtypes.as_dtype(proto.dtype)
        num_elements = math.prod(dim.size for dim in proto.tensor_shape.dim)
        if num_elements * dtype.size > MAX_TENSOR_BYTES:
            raise ValueError(f"{num_elements} elements")
        return tf.io.parse_tensor(proto.SerializeToString(), dtype)
    except (TypeError, ValueError, tf.errors.OpError) as error:
        raise InvalidArgumentError(f"tensor parsing error: {alias}") from error


def proto_from_tensor(tensor: tf.Tensor, as_content: bool = False) -> tensor_pb2.TensorProto:
    """A proto with the tensor's values in its typed field, or, but for strings, in ``tensor_content``; small
    dtypes that came later, such as float8, are always there."""
    proto = tensor_pb2.TensorProto(dtype=tensor.dtype.as_datatype_enum)
    for size in tensor.shape:
        proto.tensor_shape.dim.add(size=size)
    values = np.ravel(np.asarray(tensor.numpy(), dtype=tensor.dtype.as_numpy_dtype))
    if tensor.dtype not in _FIELDS or (as_content and tensor.dtype != tf.string):
        proto.tensor_content = values.tobytes()
        return proto
    if tensor.dtype in (tf.float16, tf.bfloat16):
        values = values.view(np.uint16)
    elif tensor.dtype.is_complex:
        values = values.view(np.float32 if tensor.dtype == tf.complex64 else np.float64)
    getattr(proto, _FIELDS[tensor.dtype]).extend(values.tolist())
    return proto
