"""Language-model metrics for TFMA: sums over rows, divided once.

The sums and what follows from them are `models.measures`'; here they become Beam combiners
over the outputs of the ``evaluate`` signature.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable
from typing import Any

import apache_beam as beam
import numpy as np
import tensorflow_model_analysis as tfma

from models.measures import LossSums


class _SumRows(beam.CombineFn):
    """StandardMetricInputs to the metric's value."""

    def __init__(
        self, key: tfma.metrics.MetricKey, model_name: str, divide: Callable[[LossSums], float]
    ) -> None:
        self._key, self._model_name, self._divide = key, model_name, divide

    def create_accumulator(self) -> LossSums:
        return LossSums()

    def add_input(self, sums: LossSums, element: Any) -> LossSums:
        outputs = element.get_predictions(model_name=self._model_name)
        row = {name: float(np.sum(outputs[name])) for name in ("nll", "num_tokens", "num_bytes")}
        return sums + LossSums(**row)

    def merge_accumulators(self, accumulators: Iterable[LossSums]) -> LossSums:
        return sum(accumulators, LossSums())

    def extract_output(self, sums: LossSums) -> dict[tfma.metrics.MetricKey, float]:
        return {self._key: self._divide(sums)}


def _computations(name: str, divide: Callable[[LossSums], float]) -> Callable[..., Any]:
    def create(
        eval_config: Any = None, model_names: list[str] | None = None, **_: Any
    ) -> list[tfma.metrics.MetricComputation]:
        computations = []
        for model_name in model_names or [""]:
            key = tfma.metrics.MetricKey(name=name, model_name=model_name)
            combiner = _SumRows(key, model_name, divide)
            computations.append(
                tfma.metrics.MetricComputation(keys=[key], preprocessors=None, combiner=combiner)
            )
        return computations

    return create


class LossPerToken(tfma.metrics.Metric):
    """`models.measures.LossSums.loss` of a slice."""

    def __init__(self, name: str = "loss") -> None:
        super().__init__(_computations(name, operator.attrgetter("loss")), name=name)


class Perplexity(tfma.metrics.Metric):
    """`models.measures.LossSums.perplexity` of a slice."""

    def __init__(self, name: str = "perplexity") -> None:
        super().__init__(_computations(name, operator.attrgetter("perplexity")), name=name)


class BitsPerByte(tfma.metrics.Metric):
    """`models.measures.LossSums.bits_per_byte` of a slice."""

    def __init__(self, name: str = "bits_per_byte") -> None:
        super().__init__(_computations(name, operator.attrgetter("bits_per_byte")), name=name)
