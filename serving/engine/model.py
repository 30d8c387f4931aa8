"""A loaded model's functions for generating step by step, as Python calls on NumPy arrays.

What they do is declared in `serving.contract`, under "Step by step"; a SavedModel that
lacks them is served by its signatures alone. Only the cache stays a tensor, often
written in place from call to call. Where a model has the functions in a form to be
compiled, those are called (`serving.engine.compiled`).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, TypeAlias

import numpy as np
import tensorflow as tf

from serving import contract
from serving.engine.compiled import Compiled
from serving.servables import graph_errors

MAX_STEPS = 64
"""Of one call."""
COMPILED_ROWS = 32
"""Of a batch whose functions are compiled, at most."""
Cache: TypeAlias = Any
"""A tensor."""


@dataclasses.dataclass(frozen=True)
class Prepared:
    """A prompt and its settings, checked."""

    token_ids: np.ndarray
    """int32 ``(tokens,)``: the token that starts every text, then the prompt's."""
    max_new_tokens: int
    temperature: float
    top_k: int
    top_p: float
    seed: int


@dataclasses.dataclass(frozen=True)
class Steps:
    """What some steps of a batch gave; see `serving.contract`."""

    token_ids: np.ndarray
    num_tokens: np.ndarray
    stopped: np.ndarray
    likelihoods: Likelihoods | None


@dataclasses.dataclass(frozen=True)
class Likelihoods:
    """Log-probabilities in nats, of tokens and of the likeliest at each place."""

    log_probabilities: np.ndarray
    """float32 ``(..., steps)``."""
    alternatives: np.ndarray
    """int32 ``(..., steps, num_alternatives)``, likeliest first."""
    alternative_log_probabilities: np.ndarray

    def of_row(self, row: int) -> Likelihoods:
        """Of a batch, one row's."""
        return Likelihoods(
            self.log_probabilities[row], self.alternatives[row], self.alternative_log_probabilities[row]
        )


class StepwiseModel:
    """The functions of one loaded SavedModel."""

    def __init__(self, model: Any, may_compile: bool = True) -> None:
        """``model`` is what ``tf.saved_model.load`` gave; ask `is_stepwise` first."""
        functions = getattr(model, contract.STEPWISE)
        self._functions = {name: _callable(getattr(functions, name)) for name in contract.STEPWISE_FUNCTIONS}
        compilable = getattr(functions, contract.COMPILABLE, None)
        self.is_compiled = may_compile and compilable is not None
        """Then a call for shapes that are new takes half a second or more."""
        self._compiled: list[Compiled] = []
        if self.is_compiled:
            for name in ("read", "decode"):
                self._functions[name] = Compiled(_callable(getattr(compilable, name)))
                self._compiled.append(self._functions[name])
        description = {name: int(value) for name, value in self._functions["description"]().items()}
        self.context_length = description["context_length"]
        self.vocabulary_size = description["vocabulary_size"]
        self.end_id = description["end_id"]
        self.room_multiple = description["room_multiple"]
        self.num_alternatives = description["num_alternatives"]
        self.token_bytes: list[bytes] = self._functions["token_bytes"]().numpy().tolist()

    @property
    def num_shapes(self) -> int:
        """For how many shapes functions are compiled so far."""
        return sum(function.num_shapes for function in self._compiled)

    @property
    def row_counts(self) -> tuple[int, ...]:
        """How many rows a batch may have, ascending."""
        return (1, 8, COMPILED_ROWS) if self.is_compiled else tuple(2**power for power in range(16))

    def rows_to_keep(self, in_use: int) -> int:
        """Twice as many where caches are large and copying one costs more than a step with idle rows."""
        return in_use if self.is_compiled else 2 * in_use

    def room_for(self, num_tokens: int) -> int:
        """Room in a cache for at least so many tokens; where functions are compiled, one of few."""
        room = self._whole(num_tokens)
        if not self.is_compiled:
            return room
        few = self.room_multiple
        while few < room:
            few *= 2
        return max(room, min(few, self._whole(self.context_length)))

    def read_width(self, count: int, piece: int) -> int:
        """How many tokens to read for ``count``, at most ``piece``."""
        return piece if self.is_compiled and count > 16 else min(piece, -(-count // 16) * 16)

    def _whole(self, num_tokens: int) -> int:
        return -(-num_tokens // self.room_multiple) * self.room_multiple

    def prepare(self, feeds: Mapping[str, tf.Tensor]) -> list[Prepared]:
        """The rows of the generate signature's inputs, or the error that the signature gives."""
        names = sorted(feeds)
        try:
            values = self._functions["prepare"](**{name: feeds[name] for name in names})
        except tf.errors.OpError as error:
            raise graph_errors.serving_error(error) from error
        columns = {name: value.numpy() for name, value in values.items()}
        return [
            Prepared(
                token_ids=columns["token_ids"][row, :length],
                max_new_tokens=int(columns["max_new_tokens"][row]),
                temperature=float(columns["temperature"][row]),
                top_k=int(columns["top_k"][row]),
                top_p=float(columns["top_p"][row]),
                seed=int(columns["seed"][row]),
            )
            for row, length in enumerate(columns["lengths"])
        ]

    def noise(self, seed: int, count: int) -> np.ndarray:
        """float32 ``(count,)`` in [0, 1): the stream that belongs to ``seed``."""
        return self._functions["noise"](tf.constant([seed]), tf.constant(count)).numpy()[0]

    def empty_cache(self, num_rows: int, room: int) -> Cache:
        return self._functions["empty_cache"](tf.constant(num_rows), tf.constant(room))

    def resized(self, cache: Cache, rows: np.ndarray, room: int) -> Cache:
        return self._functions["resized"](cache, _int32(rows), tf.constant(room))

    def inserted(self, cache: Cache, row_cache: Cache, row: int) -> Cache:
        return self._functions["inserted"](cache, row_cache, tf.constant(row))

    def read(self, token_ids: np.ndarray, cache: Cache, position: int, count: int) -> Cache:
        """Reads ``count`` of one row's ``token_ids`` from ``position`` on."""
        row = _int32(token_ids[np.newaxis])
        return self._functions["read"](row, cache, tf.constant([position]), tf.constant([count]))

    def decode(
        self,
        cache: Cache,
        token_ids: np.ndarray,
        positions: np.ndarray,
        limits: np.ndarray,
        uniform: np.ndarray,
        temperature: np.ndarray,
        top_k: np.ndarray,
        top_p: np.ndarray,
        with_likelihoods: bool,
    ) -> tuple[Cache, Steps]:
        """As many steps as ``uniform`` has columns, at most `MAX_STEPS`."""
        num_steps = uniform.shape[1]
        if self.is_compiled:
            uniform = np.pad(uniform, [(0, 0), (0, MAX_STEPS - num_steps)])
        outputs = self._functions["decode"](
            cache,
            *(tf.constant(values) for values in (token_ids, positions, limits, uniform)),
            *(tf.constant(values) for values in (temperature, top_k, top_p)),
            tf.constant(num_steps),
            tf.constant(with_likelihoods),
        )
        likelihoods = _likelihoods(outputs) if with_likelihoods else None
        token_ids, num_tokens, stopped = (
            outputs[name].numpy() for name in ("token_ids", "num_tokens", "stopped")
        )
        return outputs["cache"], Steps(token_ids, num_tokens, stopped, likelihoods)

    def likelihoods(self, token_ids: np.ndarray) -> Likelihoods:
        """Of each token of a sequence but the first, given those before."""
        return _likelihoods(self._functions["likelihoods"](_int32(token_ids)))


def is_stepwise(model: Any) -> bool:
    """Whether a loaded SavedModel has the functions."""
    functions = getattr(model, contract.STEPWISE, None)
    return all(hasattr(functions, name) for name in contract.STEPWISE_FUNCTIONS)


def _callable(function: Any) -> Any:
    """The one traced function within a restored one: calling it skips matching the arguments."""
    (concrete,) = function.concrete_functions
    return concrete


def _likelihoods(outputs: Mapping[str, tf.Tensor]) -> Likelihoods:
    names = (field.name for field in dataclasses.fields(Likelihoods))
    return Likelihoods(*(outputs[name].numpy() for name in names))


def _int32(values: np.ndarray) -> tf.Tensor:
    return tf.constant(values, tf.int32)
