"""Which rows go into which step, and their arrays: read ahead by a thread, as the device computes."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import tensorflow as tf

from models.config import TrainingConfig
from models.errors import DevicesError
from models.training.row_store import RowStore, order
from models.training.schedule import learning_rate
from models.training.step import Stack

MAX_STEPS = 10
"""Steps per call of the compiled function, at most."""


@dataclasses.dataclass(frozen=True)
class StackOfRows:
    """Some consecutive steps' rows, and what they hold over all replicas."""

    first_step: int
    """0-based."""
    num_steps: int
    tensors: Stack
    num_targets: int
    num_bytes: int


class StackReader:
    """Stacks of consecutive steps; each is a function of the settings, the rows and the step alone.

    Raises:
      DevicesError: the rows of a part cannot be spread evenly over the replicas.
    """

    def __init__(self, store: RowStore, config: TrainingConfig) -> None:
        self._store = store
        self._config = config
        self._strategy = tf.distribute.get_strategy()
        replicas = self._strategy.num_replicas_in_sync
        parts = config.gradient_accumulation
        if config.batch_size % (parts * replicas):
            raise DevicesError(
                f"training.batch_size = {config.batch_size} cannot be spread over {replicas} devices"
                + (f" in {parts} parts" if parts > 1 else "")
                + f": choose a multiple of {parts * replicas}"
            )
        self._steps_at_a_time = 1 if replicas > 1 else steps_per_call(config)

    def from_step(self, step: int) -> Generator[StackOfRows, None, None]:
        """From the 0-based ``step`` to the last."""
        size, end = self._steps_at_a_time, self._config.num_steps
        with ThreadPoolExecutor(1, "rows") as ahead:
            future = ahead.submit(self._stack, step, min(size, end - step))
            while step < end:
                stack = future.result()
                step += stack.num_steps
                if step < end:
                    future = ahead.submit(self._stack, step, min(size, end - step))
                yield stack

    def _stack(self, first_step: int, num_steps: int) -> StackOfRows:
        config, store = self._config, self._store
        steps = range(first_step, first_step + num_steps)
        chosen = np.stack([order(len(store), config.batch_size, config.seed, step) for step in steps])
        token_ids = store.token_ids[chosen].astype(np.int32)
        loss_mask = store.loss_mask[chosen].astype(np.float32)
        num_targets = loss_mask.sum((1, 2), dtype=np.float64)
        tensors = Stack(
            self._spread(token_ids),
            self._spread(loss_mask),
            tf.constant(num_targets, tf.float32),
            tf.constant([learning_rate(config, step) for step in steps], tf.float32),
        )
        num_bytes = int(store.num_bytes[chosen].sum())
        return StackOfRows(first_step, num_steps, tensors, int(num_targets.sum()), num_bytes)

    def _spread(self, array: np.ndarray) -> Any:
        """``(steps, batch, n)`` to ``(steps, parts, rows, n)`` on each replica: its share of each part."""
        num_steps, batch, width = array.shape
        parts, replicas = self._config.gradient_accumulation, self._strategy.num_replicas_in_sync
        array = array.reshape(num_steps, parts, replicas, batch // parts // replicas, width)
        if replicas == 1:
            return tf.constant(array[:, :, 0])
        return self._strategy.experimental_distribute_values_from_function(
            lambda context: tf.constant(array[:, :, context.replica_id_in_sync_group])
        )


def steps_per_call(config: TrainingConfig) -> int:
    """The most steps up to `MAX_STEPS` after which every log point, validation and checkpoint falls."""
    common = math.gcd(config.log_every, config.eval_every, config.checkpoint_every)
    return max(size for size in range(1, MAX_STEPS + 1) if common % size == 0)
