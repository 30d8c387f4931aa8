"""The functions that run a batch, compiled by XLA for the shapes that they are called with.

In a small model a step costs its ops rather than its sums, and XLA makes a few of hundreds.
Compiling takes half a second a shape or more, at a shape's first call, so that shapes
should be few; warm-up records bring the first ones about while a version is loaded.
XLA for a CPU was found to give a row the same numbers, to the bit, in every number of rows
and every room, as `models.decoding` says of TensorFlow's kernels; that was TensorFlow 2.16's, and 2.21's
gave one small model of four other last bits.
"""

from __future__ import annotations

import threading
from typing import Any

import tensorflow as tf


class Compiled:
    """A traced function of a SavedModel, called with tensors, from any thread."""

    def __init__(self, function: Any) -> None:
        self._function = function
        self._lock = threading.Lock()
        self._by_shapes: dict[tuple[Any, ...], Any] = {}

    @property
    def num_shapes(self) -> int:
        """For how many it is compiled."""
        return len(self._by_shapes)

    def __call__(self, *arguments: tf.Tensor) -> Any:
        shapes = tuple(argument.shape for argument in arguments)
        with self._lock:
            if shapes not in self._by_shapes:
                function = tf.function(self._call, jit_compile=True, autograph=False)
                specs = [tf.TensorSpec(argument.shape, argument.dtype) for argument in arguments]
                self._by_shapes[shapes] = function.get_concrete_function(*specs)
            compiled = self._by_shapes[shapes]
        return compiled(*arguments)

    def _call(self, *arguments: tf.Tensor) -> Any:
        return self._function(*arguments)
