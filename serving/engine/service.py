"""Every loaded language model's engines: made when a version is loaded, ended when its last lease is back.

Requests for the generate signature, over gRPC and REST, join the running batch as
streamed ones do, with the same answers as the signature's own graph. A model that cannot
generate step by step is left to its graph.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Mapping, Sequence

import numpy as np
import tensorflow as tf

from serving import contract
from serving.call import Call
from serving.engine.continuation import Continuation, Delta, Listener
from serving.engine.engine import EngineConfig
from serving.engine.model import Prepared, StepwiseModel, is_stepwise
from serving.engine.pool import EnginePool
from serving.errors import UnimplementedError
from serving.inference.prediction import ModelServer
from serving.servables.servable import Runner, Servable
from serving.versions.repository import Lease


class EngineService:
    """Observes a server's models; see the module."""

    def __init__(self, models: ModelServer, config: EngineConfig = EngineConfig()) -> None:  # noqa: B008
        self.models = models
        self._config = config
        self._lock = threading.Lock()
        self._engines: dict[tuple[str, int], EnginePool] = {}
        models.observe(self)

    def engine(self, lease: Lease) -> EnginePool:
        """The engine of a leased version; UnimplementedError if the model has none."""
        with self._lock:
            engine = self._engines.get((lease.model_name, lease.version))
        if engine is None:
            raise UnimplementedError(
                f"version {lease.version} of model {lease.model_name} cannot generate step by step: "
                "export it again with this version of Lexmill, or use :predict"
            )
        return engine

    def loaded(self, model_name: str, version: int, servable: Servable) -> None:
        """See `serving.versions.repository.Observer`."""
        if not is_stepwise(servable.model):
            return
        engine = EnginePool(StepwiseModel(servable.model), self._config)
        runner = _runner(engine)
        for name in (contract.GENERATE, contract.SERVING_DEFAULT):
            if name in servable.signature_defs:
                servable.set_runner(name, runner)
        with self._lock:
            self._engines[model_name, version] = engine

    def retired(self, model_name: str, version: int) -> None:
        """See `serving.versions.repository.Observer`. What runs on the version goes on."""

    def unloaded(self, model_name: str, version: int) -> None:
        """See `serving.versions.repository.Observer`."""
        with self._lock:
            engine = self._engines.pop((model_name, version), None)
        if engine:
            engine.close()

    def close(self) -> None:
        """Ends them all."""
        with self._lock:
            engines, self._engines = self._engines, {}
        for engine in engines.values():
            engine.close()


def prepared(model: StepwiseModel, prompts: Sequence[str | bytes], **settings: float) -> list[Prepared]:
    """Prompts with sampling settings, each the generate signature's default unless given; raises what the
    signature raises."""
    feeds = {"prompts": tf.constant(prompts, tf.string)}
    for field in contract.GENERATE_SIGNATURE.inputs[1:]:
        feeds[field.name] = tf.constant([settings.get(field.name, field.default)], field.dtype)
    return model.prepare(feeds)


def _runner(engine: EnginePool) -> Runner:
    def run(feeds: Mapping[str, tf.Tensor], call: Call) -> dict[str, tf.Tensor]:
        rows = engine.model.prepare(feeds)
        deltas: queue.SimpleQueue[tuple[int, Delta]] = queue.SimpleQueue()
        # Of its own, so that one failed row ends the others.
        work = Call(call.remaining_s)
        call.when_cancelled(work.cancel)
        try:
            engine.submit(
                [
                    [Continuation(row, engine.model.context_length, _numbered(index, deltas), work)]
                    for index, row in enumerate(rows)
                ]
            )
            return _collected(len(rows), deltas)
        finally:
            work.cancel()

    return run


def _numbered(index: int, deltas: queue.SimpleQueue[tuple[int, Delta]]) -> Listener:
    return lambda delta: deltas.put((index, delta))


def _collected(num_rows: int, deltas: queue.SimpleQueue[tuple[int, Delta]]) -> dict[str, tf.Tensor]:
    """The generate signature's outputs, once every row has ended."""
    texts: list[list[str]] = [[] for _ in range(num_rows)]
    num_tokens, reasons = np.zeros(num_rows, np.int32), [""] * num_rows
    num_left = num_rows
    while num_left:
        index, delta = deltas.get()
        if delta.error:
            raise delta.error
        texts[index].append(delta.text)
        num_tokens[index] = delta.num_tokens
        if delta.finish_reason:
            reasons[index] = delta.finish_reason
            num_left -= 1
    return {
        "text": tf.constant(["".join(parts) for parts in texts], tf.string),
        "num_tokens": tf.constant(num_tokens),
        "finish_reason": tf.constant(reasons, tf.string),
    }
