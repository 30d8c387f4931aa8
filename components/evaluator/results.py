"""What TFMA measured, read from its result files."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import tensorflow_model_analysis as tfma

from components.evaluator.metrics import RELIABILITY
from components.evaluator.summary import slice_name
from models.prediction_measures import METRICS, NUM_TOKENS, OVERALL

BASELINE_MODEL = "baseline"


@dataclasses.dataclass(frozen=True)
class Measured:
    """All slices of one evaluation."""

    metrics: dict[str, dict[str, float]]
    """Slice -> metric -> value, of the candidate."""
    tokens: dict[str, int]
    """Slice -> targets that count."""
    reliability: tuple[tuple[float, ...], ...]
    """Overall: the sums by bin, in the order of `models.prediction_measures.BINNED`."""
    baseline_metrics: dict[str, dict[str, float]]
    """As ``metrics``; empty without a baseline. NaN where it does not give what a metric needs."""


def read(directory: str) -> Measured:
    """Reads what TFMA wrote to ``directory``."""
    by_model: dict[str, dict[str, dict[str, Any]]] = {}
    for record in tfma.load_metrics(directory):
        name = slice_name(
            tuple((key.column, _slice_value(key)) for key in record.slice_key.single_slice_keys)
        )
        for item in record.metric_keys_and_values:
            if not item.key.is_diff:
                of_model = by_model.setdefault(item.key.model_name, {})
                of_model.setdefault(name, {})[item.key.name] = _value(item.value)
    baseline = by_model.pop(BASELINE_MODEL, {})
    [candidate] = by_model.values()
    metrics = _metrics(candidate)
    return Measured(
        metrics=metrics,
        tokens={name: round(candidate[name][NUM_TOKENS]) for name in metrics},
        reliability=tuple(tuple(row) for row in candidate[OVERALL].get(RELIABILITY, ())),
        baseline_metrics=_metrics(baseline),
    )


def _metrics(slices: dict[str, dict[str, Any]]) -> dict[str, dict[str, float]]:
    """Overall first, then by name; TFMA writes slices in any order."""
    order = sorted(slices, key=lambda name: (name != OVERALL, name))
    return {
        name: {metric: slices[name][metric] for metric in METRICS if metric in slices[name]} for name in order
    }


def _value(value: Any) -> Any:
    """A float; of an array, its rows."""
    if value.HasField("array_value"):
        array = value.array_value
        return np.array(array.float64_values).reshape(tuple(array.shape)).tolist()
    return value.double_value.value if value.HasField("double_value") else float("nan")


def _slice_value(key: Any) -> str:
    kind = key.WhichOneof("kind")
    value = getattr(key, kind)
    return value.decode() if isinstance(value, bytes) else str(value)
