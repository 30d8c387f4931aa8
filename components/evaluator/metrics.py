"""The corpus metrics for TFMA: sums over rows, divided once.

What is summed and what follows from it is `models.prediction_measures`'; here it becomes one Beam combiner
over the outputs of the ``evaluate`` signature, which gives all the metrics of a slice.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import apache_beam as beam
import numpy as np
import tensorflow_model_analysis as tfma

from models.prediction_measures import BINNED, METRICS, NUM_BYTES, NUM_TOKENS, SUMS, metrics

RELIABILITY = "reliability"
"""A key beside those of the metrics: the sums by bin, float64 ``(3, NUM_BINS)`` in the order of `BINNED`."""


class _SumRows(beam.CombineFn):
    """StandardMetricInputs to the metrics' values, the tokens and the bytes; NaN where the model, of an
    earlier version, does not give what a metric needs."""

    def __init__(self, model_name: str) -> None:
        self._model_name = model_name

    def create_accumulator(self) -> dict[str, np.ndarray]:
        return {}

    def add_input(self, sums: dict[str, np.ndarray], element: Any) -> dict[str, np.ndarray]:
        outputs = element.get_predictions(model_name=self._model_name)
        row = {name: np.asarray(outputs[name], np.float64) for name in SUMS if name in outputs}
        return _added(
            sums, {name: row[name].reshape(-1) if name in BINNED else row[name].sum() for name in row}
        )

    def merge_accumulators(self, accumulators: Iterable[dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
        merged: dict[str, np.ndarray] = {}
        for sums in accumulators:
            merged = _added(merged, sums)
        return merged

    def extract_output(self, sums: dict[str, np.ndarray]) -> dict[tfma.metrics.MetricKey, Any]:
        found = metrics(sums)
        values: dict[str, Any] = {name: float(found.get(name, np.nan)) for name in METRICS}
        values |= {name: float(sums[name]) for name in (NUM_TOKENS, NUM_BYTES)}
        if all(name in sums for name in BINNED):
            values[RELIABILITY] = np.stack([sums[name] for name in BINNED])
        return {_key(name, self._model_name): value for name, value in values.items()}


def _added(sums: dict[str, np.ndarray], more: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    return {name: sums.get(name, 0.0) + value for name, value in more.items()}


def _key(name: str, model_name: str) -> tfma.metrics.MetricKey:
    return tfma.metrics.MetricKey(name=name, model_name=model_name)


def _computations(
    eval_config: Any = None, model_names: list[str] | None = None, **_: Any
) -> list[tfma.metrics.MetricComputation]:
    names = (*METRICS, NUM_TOKENS, NUM_BYTES, RELIABILITY)
    return [
        tfma.metrics.MetricComputation(
            keys=[_key(name, model_name) for name in names],
            preprocessors=None,
            combiner=_SumRows(model_name),
        )
        for model_name in model_names or [""]
    ]


class CorpusMetrics(tfma.metrics.Metric):
    """`models.prediction_measures.METRICS` of a slice, and the sums that say how much they stand on."""

    def __init__(self, name: str = "corpus_metrics") -> None:
        super().__init__(_computations, name=name)
