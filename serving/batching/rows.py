"""Joining the inputs of several requests to one batch, and dividing its outputs again.

A request can join others when every input has the batch axis in front, of one length.
An input of length one beside longer ones holds for all rows (a language model's sampling
settings do so) and is repeated, if the signature gives it a default, which marks it as a
setting; otherwise the request runs alone. Example, with ``temperature`` a setting::

    prompts (3,), temperature (1,)  }  prompts (5,), temperature (5,)
    prompts (2,), temperature (2,)  }
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence

import numpy as np
import tensorflow as tf

from serving.servables.servable import Tensors

Shape = tuple[int, ...]


def rows_of(feeds: Tensors, settings: Collection[str]) -> int | None:
    """How many rows a request has; None if it cannot be part of a batch."""
    lengths: dict[str, int] = {}
    for alias, tensor in feeds.items():
        if tensor.shape.rank == 0:
            return None
        lengths[alias] = tensor.shape[0]
    num_rows = max(lengths.values(), default=0)
    if num_rows == 0:
        return None
    for alias, length in lengths.items():
        if length != num_rows and not (length == 1 and alias in settings):
            return None
    return num_rows


def repeated(feeds: Tensors, num_rows: int) -> dict[str, tf.Tensor]:
    """``feeds`` with every input of length one repeated to ``num_rows``."""
    if num_rows == 1:
        return dict(feeds)
    return {
        alias: tf.repeat(tensor, num_rows, axis=0) if tensor.shape[0] == 1 else tensor
        for alias, tensor in feeds.items()
    }


def inner_shapes(feeds: Tensors, ranks_only: bool) -> tuple[Shape, ...]:
    """What must be equal in requests of one batch: the axes behind the first, or only their number."""
    shapes = (tuple(feeds[alias].shape[1:]) for alias in sorted(feeds))
    return tuple((len(shape),) if ranks_only else shape for shape in shapes)


def joined(requests: Sequence[Tensors], num_rows: int, padded_size: int) -> dict[str, tf.Tensor]:
    """The inputs of all requests, one after the other, and copies of the last one's first row up to
    ``padded_size`` rows. Axes that differ are padded with each tensor's own first element."""
    batch = {}
    for alias in requests[0]:
        parts = _equal_in_shape([request[alias] for request in requests])
        parts += [parts[-1][:1]] * (padded_size - num_rows)
        batch[alias] = tf.concat(parts, axis=0) if len(parts) > 1 else parts[0]
    return batch


def divided(outputs: Tensors, sizes: Sequence[int], padded_size: int) -> list[dict[str, tf.Tensor]] | None:
    """Each request's rows of the outputs; None if an output has not one row an input row."""
    if any(tensor.shape.rank == 0 or tensor.shape[0] != padded_size for tensor in outputs.values()):
        return None
    padding = padded_size - sum(sizes)
    if len(sizes) == 1 and not padding:
        return [dict(outputs)]
    parts = {
        alias: tf.split(tensor, [*sizes, padding] if padding else list(sizes))
        for alias, tensor in outputs.items()
    }
    return [{alias: parts[alias][index] for alias in parts} for index in range(len(sizes))]


def cut(feeds: Tensors, num_rows: int, size: int) -> list[dict[str, tf.Tensor]]:
    """Pieces of at most ``size`` rows of a request that has ``num_rows``."""
    return [
        {alias: tensor[start : start + size] for alias, tensor in feeds.items()}
        for start in range(0, num_rows, size)
    ]


def _equal_in_shape(tensors: list[tf.Tensor]) -> list[tf.Tensor]:
    shapes = [tuple(tensor.shape[1:]) for tensor in tensors]
    if len(set(shapes)) == 1:
        return tensors
    largest = tuple(max(sizes) for sizes in zip(*shapes, strict=True))
    return [_padded(tensor, largest) for tensor in tensors]


def _padded(tensor: tf.Tensor, inner: Shape) -> tf.Tensor:
    array = tensor.numpy()
    shape = (array.shape[0], *inner)
    if array.shape == shape:
        return tensor
    first = array.flat[0] if math.prod(array.shape) else tensor.dtype.as_numpy_dtype()
    padded = np.full(shape, first, dtype=array.dtype)
    padded[tuple(slice(size) for size in array.shape)] = array
    return tf.constant(padded, tensor.dtype)
