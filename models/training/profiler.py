"""A profiler trace of some training steps, for TensorBoard's profile plugin.

TensorFlow writes it to ``plugins/profile/<time>/`` below the run's event files. It can be opened
in TensorBoard with the package ``tensorboard-plugin-profile``, and its ``trace.json.gz``, where
there is one, in any browser's trace viewer.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import tensorflow as tf


class StepProfiler:
    """Traces ``num_steps`` steps or a few more, from the 0-based ``first_step``; 0 steps are none.

    Steps before ``first_step`` compile and warm up, and would hide what the others cost. A context
    manager: what it is in the middle of is written when training ends early.
    """

    def __init__(self, directory: str, num_steps: int, first_step: int) -> None:
        self._directory = directory
        self._first_step = first_step
        self._end = first_step + num_steps
        self._is_tracing = False

    def __enter__(self) -> StepProfiler:
        return self

    def __exit__(self, *_: object) -> None:
        self._stop()

    @contextlib.contextmanager
    def steps(self, first: int, last: int) -> Iterator[None]:
        """Around the call that computes the steps from ``first`` to ``last``, both inclusive."""
        if not self._is_tracing and first >= self._first_step and first < self._end:
            tf.profiler.experimental.start(self._directory)
            self._is_tracing = True
        if not self._is_tracing:
            yield
            return
        with tf.profiler.experimental.Trace("train", step_num=first, _r=1):
            yield
        if last + 1 >= self._end:
            self._stop()

    def _stop(self) -> None:
        if self._is_tracing:
            self._is_tracing = False
            tf.test.experimental.sync_devices()  # What is still computed belongs into the trace.
            tf.profiler.experimental.stop()
