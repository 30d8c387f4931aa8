"""Continuous batching: a thread that reads prompts and steps the running batch of one model.

A request waits in a bounded queue only while the batch is full; otherwise its prompt is
read, piece by piece between the others' steps, and it joins at the next step. While
nobody waits, several steps go in one call, as many as a `_BURST_S` allows: at small
widths a call costs more than a step. A request whose client has gone, or whose deadline
has passed, leaves before the next call.
"""

from __future__ import annotations

import collections
import dataclasses
import logging
import threading
import time
from collections.abc import Sequence

import numpy as np

from serving.call import Call
from serving.engine.batch import RunningBatch
from serving.engine.continuation import Continuation
from serving.engine.model import MAX_STEPS, Cache, StepwiseModel
from serving.errors import InternalError, ResourceExhaustedError, ServingError, UnavailableError

_BURST_S = 0.012
"""How long a joining request waits at most, where a single step is not longer."""
_JOINING_BURST_S = 0.002
"""The same while a prompt is being read between the steps."""
_WATCHED_BURST = 16
"""Tokens that come at once, at most, where a text is read as it grows."""

_log = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True)
class EngineConfig:
    """Bounds of the work that a loaded version takes on."""

    max_batch: int = 64
    """Continuations under way at once."""
    max_queue: int = 256
    """Continuations that wait for a place; while so many do, further requests are refused at once."""
    max_cache_bytes: int = 2 * 2**30
    """Of the running batch's keys and values at the longest context; lowers ``max_batch`` if need be."""
    prefill_tokens: int = 64
    """Prompt tokens read between two steps of the others."""


@dataclasses.dataclass
class _Group:
    """Continuations of one prompt, which is read once."""

    continuations: collections.deque[Continuation]
    token_ids: np.ndarray
    cache: Cache | None = None
    room: int = 0
    num_read: int = 0


class Engine:
    """See the module. Safe to use from any thread."""

    def __init__(self, model: StepwiseModel, config: EngineConfig = EngineConfig()) -> None:  # noqa: B008
        self.model = model
        self._config = config
        self._batch = RunningBatch(model, self._max_rows())
        self._lock = threading.Condition()
        self._waiting: collections.deque[_Group] = collections.deque()
        self._num_waiting = 0
        self._stopping = False
        self._step_s = 0.0
        self._thread = threading.Thread(target=self._run, name="engine", daemon=True)
        self._thread.start()

    @property
    def num_continuations(self) -> int:
        """Under way and waiting."""
        return len(self._batch) + self._num_waiting

    def submit(self, prompts: Sequence[Sequence[Continuation]]) -> None:
        """Starts one request's continuations, grouped by prompt. ResourceExhaustedError if too many others
        wait already."""
        groups = [_Group(collections.deque(group), group[0].prepared.token_ids) for group in prompts]
        with self._lock:
            if self._stopping:
                raise UnavailableError("the model is being unloaded: send the request again")
            if self._num_waiting >= self._config.max_queue:
                raise ResourceExhaustedError(
                    f"{self._num_waiting} continuations wait for a place, and {self._config.max_queue} are "
                    "as many as may: send the request again later"
                )
            self._waiting.extend(groups)
            self._num_waiting += sum(len(group.continuations) for group in groups)
            self._lock.notify()

    def close(self) -> None:
        """Ends the thread; what is still under way fails. Callers wait for their requests first."""
        with self._lock:
            self._stopping = True
            self._lock.notify()
        self._thread.join()

    def _max_rows(self) -> int:
        room = self.model.room_for(self.model.context_length)
        cache = self.model.empty_cache(1, room)
        bytes_per_row = cache.dtype.size * int(np.prod(cache.shape))
        return max(1, min(self._config.max_batch, self._config.max_cache_bytes // bytes_per_row))

    def _run(self) -> None:
        while self._wait_for_work():
            try:
                self._drop_unwanted()
                self._admit()
                if len(self._batch):
                    self._step()
            except Exception as error:
                _log.exception("a step of the running batch failed")
                self._fail_all(InternalError(f"generation failed: {type(error).__name__}: {error}"[:1024]))
        self._fail_all(UnavailableError("the server is stopping: send the request again"))

    def _wait_for_work(self) -> bool:
        with self._lock:
            while not self._stopping and not self._waiting and not len(self._batch):
                self._lock.wait()
            return not self._stopping

    def _drop_unwanted(self) -> None:
        for continuation in self._batch.continuations():
            if error := _unwanted(continuation.call):
                self._batch.leave(continuation)
                continuation.fail(error)
        with self._lock:
            groups = list(self._waiting)
        for group in groups:
            for continuation in list(group.continuations):
                if error := _unwanted(continuation.call):
                    group.continuations.remove(continuation)
                    self._forget(1)
                    continuation.fail(error)
        with self._lock:
            self._waiting = collections.deque(group for group in self._waiting if group.continuations)

    def _admit(self) -> None:
        """Reads prompts of those who wait, as much as may go between two steps, and lets them join."""
        budget = self._config.prefill_tokens
        while budget > 0 and not self._batch.is_full:
            with self._lock:
                if not self._waiting:
                    return
                group = self._waiting[0]
            budget -= self._read_some(group, budget)
            if group.num_read < len(group.token_ids) - 1:
                return
            while group.continuations and not self._batch.is_full:
                is_last = len(group.continuations) == 1
                self._batch.join(group.continuations[0], group.cache, group.room, is_last)
                group.continuations.popleft()
                self._forget(1)
            if not group.continuations:
                with self._lock:
                    self._waiting.popleft()

    def _read_some(self, group: _Group, budget: int) -> int:
        """Reads the prompt's next piece; how many tokens' work it was. The pieces depend on the prompt
        alone, as the last bits of what is read may depend on them."""
        model, piece = self.model, self._config.prefill_tokens
        to_read = len(group.token_ids) - 1
        if group.cache is None:
            group.room = model.room_for(max(1, -(-to_read // piece) * piece))
            group.cache = model.empty_cache(1, group.room)
        if group.num_read == to_read:
            return 1
        count = min(piece, to_read - group.num_read)
        width = model.read_width(count, piece)
        token_ids = np.zeros(width, np.int32)
        token_ids[:count] = group.token_ids[group.num_read : group.num_read + count]
        group.cache = model.read(token_ids, group.cache, group.num_read, count)
        group.num_read += count
        return width

    def _step(self) -> None:
        with self._lock:
            somebody_waits = bool(self._waiting) and not self._batch.is_full
        num_steps = 1
        if self._step_s > 0.0:
            burst_s = _JOINING_BURST_S if somebody_waits else _BURST_S
            num_steps = max(1, min(self._max_burst(), int(burst_s / self._step_s)))
        started = time.monotonic()
        before = max(row.num_tokens for row in self._batch.continuations())
        rows, num_shapes = self._batch.continuations(), self.model.num_shapes
        self._batch.step(num_steps)
        if self.model.num_shapes > num_shapes:
            return  # The time went into compiling.
        made = max(1, max(row.num_tokens for row in rows) - before)
        took = (time.monotonic() - started) / made
        self._step_s = took if self._step_s == 0.0 else 0.7 * self._step_s + 0.3 * took

    def _max_burst(self) -> int:
        return _WATCHED_BURST if any(row.is_watched for row in self._batch.continuations()) else MAX_STEPS

    def _forget(self, count: int) -> None:
        with self._lock:
            self._num_waiting -= count

    def _fail_all(self, error: ServingError) -> None:
        with self._lock:
            waiting, self._waiting = self._waiting, collections.deque()
            self._num_waiting = 0
        running = self._batch.continuations()
        self._batch = RunningBatch(self.model, self._batch.max_rows)
        for continuation in [*running, *(one for group in waiting for one in group.continuations)]:
            continuation.fail(error)


def _unwanted(call: Call) -> ServingError | None:
    try:
        call.check()
    except ServingError as error:
        return error
    return None
