"""The queue of batches, and the threads that run them.

A request joins the open batch of its servable, signature and inner shapes, or opens one. A
thread takes the oldest batch that is full or has waited ``batch_timeout_micros``; with a
timeout of 0 a lone request runs at once, and batches grow only while every thread is busy.
When a request would need one batch more than ``max_enqueued_batches``, it is refused at
once. A request whose client has gone, or whose deadline has passed, leaves its batch while
that waits; a batch that runs cannot be stopped, but nobody waits for it any longer.

A batch that fails (one row may be to blame) is run again request by request, so that each
gets the answer it would have got alone.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Collection
from typing import Any

import tensorflow as tf

from serving.batching import rows
from serving.batching.parameters import BatchingParameters
from serving.call import Call
from serving.errors import (
    CancelledError,
    DeadlineExceededError,
    InternalError,
    InvalidArgumentError,
    ResourceExhaustedError,
    ServingError,
    UnavailableError,
)
from serving.servables.servable import Servable, Tensors

_log = logging.getLogger(__name__)


class _Task:
    """One request, or a piece of one, on its way through the queue."""

    def __init__(self, feeds: Tensors, num_rows: int, call: Call) -> None:
        self.feeds = feeds
        self.num_rows = num_rows
        self.call = call
        self.outputs: dict[str, tf.Tensor] | None = None
        self.error: ServingError | None = None
        self.done = threading.Event()

    def finish(self, outputs: dict[str, tf.Tensor] | None, error: ServingError | None = None) -> None:
        self.outputs, self.error = outputs, error
        self.done.set()


class _Batch:
    """Tasks that run together."""

    def __init__(
        self, servable: Servable, signature_name: str, key: Any, parameters: BatchingParameters
    ) -> None:
        self.servable = servable
        self.signature_name = signature_name
        self.key = key
        self.parameters = parameters
        self.tasks: list[_Task] = []
        self.is_full = False
        self.due_s = time.monotonic() + parameters.batch_timeout_micros / 1e6

    @property
    def num_rows(self) -> int:
        return sum(task.num_rows for task in self.tasks)

    def is_of(self, servable: Servable, signature_name: str) -> bool:
        return self.servable is servable and self.signature_name == signature_name


class BatchScheduler:
    """Batches for every model of a server, run by ``num_threads`` threads until ``close``."""

    def __init__(self, num_threads: int) -> None:
        self._changed = threading.Condition()
        self._batches: list[_Batch] = []
        self._closed = False
        self._threads = [
            threading.Thread(target=self._work, name=f"batch-{index}", daemon=True)
            for index in range(num_threads)
        ]
        for thread in self._threads:
            thread.start()

    def run(
        self,
        parameters: BatchingParameters,
        servable: Servable,
        signature_name: str,
        feeds: Tensors,
        call: Call,
    ) -> dict[str, tf.Tensor]:
        """The signature's outputs for ``feeds``, computed in a batch with others where that is possible."""
        settings: Collection[str] = servable.signature(signature_name).defaults
        num_rows = rows.rows_of(feeds, settings)
        if num_rows is None:
            key: Any = object()
            pieces, sizes = [dict(feeds)], [1]
        else:
            key = rows.inner_shapes(feeds, parameters.pad_variable_length_inputs)
            feeds = rows.repeated(feeds, num_rows)
            pieces, sizes = self._pieces(parameters, feeds, num_rows)
        tasks = [_Task(piece, size, call) for piece, size in zip(pieces, sizes, strict=True)]
        self._enqueue(tasks, parameters, servable, signature_name, key)
        call.when_cancelled(lambda: self._abandon(tasks, CancelledError("the client has gone")))
        for task in tasks:
            self._wait(task, tasks)
        return _whole(tasks)

    def close(self, timeout_s: float = 10.0) -> None:
        """Refuses what waits and ends the threads, once what they run has ended, or after ``timeout_s``."""
        with self._changed:
            self._closed = True
            waiting, self._batches = self._batches, []
            self._changed.notify_all()
        for batch in waiting:
            for task in batch.tasks:
                task.finish(None, UnavailableError("the server is stopping"))
        deadline_s = time.monotonic() + timeout_s
        for thread in self._threads:
            thread.join(max(0.0, deadline_s - time.monotonic()))

    def _pieces(
        self, parameters: BatchingParameters, feeds: dict[str, tf.Tensor], num_rows: int
    ) -> tuple[list[dict[str, tf.Tensor]], list[int]]:
        size = parameters.largest_batch
        if num_rows > parameters.max_batch_size:
            raise InvalidArgumentError(
                f"Task size {num_rows} is larger than maximum input batch size {parameters.max_batch_size}"
            )
        if num_rows <= size:
            return [feeds], [num_rows]
        pieces = rows.cut(feeds, num_rows, size)
        return pieces, [min(size, num_rows - start) for start in range(0, num_rows, size)]

    def _enqueue(
        self,
        tasks: list[_Task],
        parameters: BatchingParameters,
        servable: Servable,
        signature_name: str,
        key: Any,
    ) -> None:
        with self._changed:
            if self._closed:
                raise UnavailableError("the server is stopping")
            open_batch = next(
                (
                    batch
                    for batch in reversed(self._batches)
                    if batch.is_of(servable, signature_name) and batch.key == key and not batch.is_full
                ),
                None,
            )
            fits = open_batch and open_batch.num_rows + tasks[0].num_rows <= parameters.largest_batch
            num_new = len(tasks) - (1 if fits else 0)
            num_enqueued = sum(batch.is_of(servable, signature_name) for batch in self._batches)
            if num_new and num_enqueued + num_new > parameters.max_enqueued_batches:
                raise ResourceExhaustedError(
                    "The batch scheduling queue to which this task was submitted is full; currently "
                    f"{num_enqueued} batches enqueued and max_enqueued_batches is "
                    f"{parameters.max_enqueued_batches}"
                )
            for task in tasks:
                if open_batch is None or open_batch.num_rows + task.num_rows > parameters.largest_batch:
                    if open_batch is not None:
                        open_batch.is_full = True
                    open_batch = _Batch(servable, signature_name, key, parameters)
                    self._batches.append(open_batch)
                open_batch.tasks.append(task)
                open_batch.is_full = open_batch.num_rows >= parameters.largest_batch
            self._changed.notify_all()

    def _wait(self, task: _Task, tasks: list[_Task]) -> None:
        if not task.done.wait(task.call.remaining_s):
            self._abandon(tasks, DeadlineExceededError("the answer's deadline passed in the batching queue"))

    def _abandon(self, tasks: list[_Task], error: ServingError) -> None:
        with self._changed:
            for batch in list(self._batches):
                batch.tasks = [task for task in batch.tasks if task not in tasks]
                if not batch.tasks:
                    self._batches.remove(batch)
        for task in tasks:
            if not task.done.is_set():
                task.finish(None, error)

    def _work(self) -> None:
        while (batch := self._next_batch()) is not None:
            try:
                _process(batch)
            except Exception as error:
                _log.exception("a batch failed")
                for task in batch.tasks:
                    task.finish(None, InternalError(f"{type(error).__name__}: {error}"))
            del batch

    def _next_batch(self) -> _Batch | None:
        """The oldest batch that is due, once there is one; None when the scheduler is closed."""
        with self._changed:
            while not self._closed:
                now_s = time.monotonic()
                for batch in self._batches:
                    if batch.is_full or batch.due_s <= now_s:
                        self._batches.remove(batch)
                        return batch
                self._changed.wait(min((batch.due_s for batch in self._batches), default=now_s + 60) - now_s)
            return None


def _process(batch: _Batch) -> None:
    tasks = [task for task in batch.tasks if _is_wanted(task)]
    if not tasks:
        return
    num_rows = sum(task.num_rows for task in tasks)
    is_single = len(tasks) == 1
    padded_size = batch.parameters.padded_size(num_rows)
    if is_single and (padded_size == num_rows or rows.rows_of(tasks[0].feeds, ()) is None):
        _run_alone(batch, tasks[0])
        return
    try:
        feeds = rows.joined([task.feeds for task in tasks], num_rows, padded_size)
        outputs = batch.servable.run_graph(batch.signature_name, feeds)
        parts = rows.divided(outputs, [task.num_rows for task in tasks], padded_size)
    except ServingError:
        parts = None
    if parts is None:
        for task in tasks:
            _run_alone(batch, task)
        return
    for task, part in zip(tasks, parts, strict=True):
        task.finish(part)


def _run_alone(batch: _Batch, task: _Task) -> None:
    try:
        task.finish(batch.servable.run_graph(batch.signature_name, task.feeds))
    except ServingError as error:
        task.finish(None, error)


def _is_wanted(task: _Task) -> bool:
    try:
        task.call.check()
    except ServingError as error:
        task.finish(None, error)
        return False
    return not task.done.is_set()


def _whole(tasks: list[_Task]) -> dict[str, tf.Tensor]:
    for task in tasks:
        if task.error:
            raise task.error
    outputs = [task.outputs for task in tasks if task.outputs is not None]
    if len(outputs) == 1:
        return outputs[0]
    return {alias: tf.concat([part[alias] for part in outputs], axis=0) for alias in outputs[0]}
