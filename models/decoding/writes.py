"""Writing rows into a tensor: in place, or as XLA takes it.

TensorFlow's executor copies the whole of a tensor for a ``TensorScatterUpdate``, and
writes in place by ``InplaceUpdate``; XLA has no such op, and writes the scatter in place
itself. The rest of a decoder is the same for both.
"""

from __future__ import annotations

from collections.abc import Sequence

import tensorflow as tf


def empty(shape: Sequence[tf.Tensor | int], dtype: tf.DType, in_place: bool) -> tf.Tensor:
    """Zeros to be written to."""
    if in_place:
        # Stateful, so never folded into a constant, which must not be written to.
        return tf.raw_ops.Empty(shape=shape, dtype=dtype, init=True)
    return tf.zeros(shape, dtype)


def written(target: tf.Tensor, rows: tf.Tensor, values: tf.Tensor, in_place: bool) -> tf.Tensor:
    """``target`` with its ``rows``, int32 ``(n,)``, replaced by ``values``, ``(n, ...)``. In place, whoever
    holds ``target`` sees the new values."""
    if in_place:
        return tf.raw_ops.InplaceUpdate(x=target, i=rows, v=values)
    return tf.tensor_scatter_nd_update(target, rows[:, tf.newaxis], values)
