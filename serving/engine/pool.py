"""As many engines for one model as its batch wants.

What XLA compiled runs on one core, and beyond some tens of rows costs as much a row in one
batch as in two. So a small model has engines of `COMPILED_ROWS` each, with which cores work
side by side; a larger one has one engine, whose products gain from every row. What a
continuation's text is depends on neither.
"""

from __future__ import annotations

import dataclasses
import os
import threading
from collections.abc import Sequence

from serving.engine.continuation import Continuation
from serving.engine.engine import Engine, EngineConfig
from serving.engine.model import COMPILED_ROWS, StepwiseModel


class EnginePool:
    """See the module. Safe to use from any thread."""

    def __init__(self, model: StepwiseModel, config: EngineConfig = EngineConfig()) -> None:  # noqa: B008
        self.model = model
        self._lock = threading.Lock()
        self._at_a_time = min(COMPILED_ROWS, config.max_batch) if model.is_compiled else config.max_batch
        count = -(-config.max_batch // self._at_a_time)
        own = dataclasses.replace(
            config,
            max_batch=self._at_a_time,
            max_queue=-(-config.max_queue // count),
            max_cache_bytes=config.max_cache_bytes // count,
        )
        self.engines = tuple(Engine(model, own) for _ in range(count))
        self._num_cores = len(os.sched_getaffinity(0))

    def submit(self, prompts: Sequence[Sequence[Continuation]]) -> None:
        """Starts one request's continuations, grouped by prompt. ResourceExhaustedError if too many others
        wait already; some may have started then, so the caller cancels them all."""
        with self._lock:
            for group in prompts:
                for start in range(0, len(group), self._at_a_time):
                    self._next().submit([group[start : start + self._at_a_time]])

    def close(self) -> None:
        """Ends the threads; see `Engine.close`."""
        for engine in self.engines:
            engine.close()

    def _next(self) -> Engine:
        """The least busy engine, of as many as there are cores; of the next ones when those are full."""
        for start in range(0, len(self.engines), self._num_cores):
            some = self.engines[start : start + self._num_cores]
            engine = min(some, key=lambda one: one.num_continuations)
            if engine.num_continuations < self._at_a_time:
                return engine
        return min(self.engines, key=lambda one: one.num_continuations)
