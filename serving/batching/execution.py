"""Where a signature's graph runs: at once, at most so many at a time, or in a batch.

Either way the caller's thread waits for the outputs; while it only waits, a deadline or a
client's leaving ends the waiting.
"""

from __future__ import annotations

import posixpath
import threading

import tensorflow as tf

from serving.batching.parameters import BatchingParameters, parameters_from_proto
from serving.batching.scheduler import BatchScheduler
from serving.call import Call
from serving.errors import ServingError
from serving.servables.servable import Execute, Servable, Tensors
from serving.settings.text_protos import read_batching_parameters

PER_MODEL_FILE = "batching_params.pbtxt"


class Slots:
    """At most ``count`` graphs at a time, so that many requests do not share the cores too thinly."""

    def __init__(self, count: int) -> None:
        self._changed = threading.Condition()
        self._free = count

    def run(
        self, servable: Servable, signature_name: str, feeds: Tensors, call: Call
    ) -> dict[str, tf.Tensor]:
        """The signature's outputs, once a slot is free."""
        self._take(call)
        try:
            return servable.run_graph(signature_name, feeds)
        finally:
            with self._changed:
                self._free += 1
                self._changed.notify()

    def _take(self, call: Call) -> None:
        with self._changed:
            if not self._free:
                call.when_cancelled(self._wake)
            try:
                while not self._free:
                    call.check()
                    self._changed.wait(call.remaining_s)
            except ServingError:
                # The wake-up that found this call unwanted is another's.
                self._changed.notify()
                raise
            self._free -= 1

    def _wake(self) -> None:
        with self._changed:
            self._changed.notify_all()


class Batching:
    """Batches by the server's parameters, or by those in a version's own folder."""

    def __init__(self, parameters: BatchingParameters, per_model: bool = False) -> None:
        """With ``per_model``, a version is batched by its ``batching_params.pbtxt``; one without that file
        is not."""
        self._parameters = parameters
        self._per_model = per_model
        self._scheduler = BatchScheduler(parameters.num_batch_threads)

    def execute_for(self, version_dir: str, unbatched: Execute) -> Execute:
        """What runs the signatures of the version in ``version_dir``."""
        parameters = self._parameters
        if self._per_model:
            path = posixpath.join(version_dir, PER_MODEL_FILE)
            if not tf.io.gfile.exists(path):
                return unbatched
            parameters = parameters_from_proto(read_batching_parameters(path))

        def execute(
            servable: Servable, signature_name: str, feeds: Tensors, call: Call
        ) -> dict[str, tf.Tensor]:
            return self._scheduler.run(parameters, servable, signature_name, feeds, call)

        return execute

    def close(self, timeout_s: float = 10.0) -> None:
        """Refuses what waits and ends the threads, once what they run has ended, or after ``timeout_s``."""
        self._scheduler.close(timeout_s)
