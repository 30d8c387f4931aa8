"""From TFMA's result files to an `EvaluationSummary`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import tensorflow_model_analysis as tfma

from components.evaluator.summary import EvaluationSummary, slice_name
from components.evaluator.thresholds import BITS_PER_BYTE

BASELINE_MODEL = "baseline"


def summarize(directory: str, baseline: str) -> EvaluationSummary:
    """Reads what TFMA wrote to ``directory``; ``baseline`` says in words what was compared."""
    validation = tfma.load_validation_result(directory)
    metrics: dict[str, dict[str, dict[str, float]]] = {}
    for record in tfma.load_metrics(directory):
        slice_key = tuple((key.column, _slice_value(key)) for key in record.slice_key.single_slice_keys)
        for item in record.metric_keys_and_values:
            if item.key.is_diff or not item.value.HasField("double_value"):
                continue
            of_model = metrics.setdefault(item.key.model_name, {})
            of_model.setdefault(slice_name(slice_key), {})[item.key.name] = item.value.double_value.value
    baseline_metrics = metrics.pop(BASELINE_MODEL, {})
    [candidate_metrics] = metrics.values()
    return EvaluationSummary(
        blessed=bool(validation.validation_ok),
        baseline=baseline,
        metrics=candidate_metrics,
        baseline_metrics=baseline_metrics,
        failures=tuple(_failures(validation, candidate_metrics, baseline_metrics)),
    )


def _slice_value(key: Any) -> str:
    kind = key.WhichOneof("kind")
    value = getattr(key, kind)
    return value.decode() if isinstance(value, bytes) else str(value)


def _failures(
    validation: Any,
    metrics: dict[str, dict[str, float]],
    baseline_metrics: dict[str, dict[str, float]],
) -> Iterator[str]:
    for in_slice in validation.metric_validations_per_slice:
        name = slice_name(
            tuple((key.column, _slice_value(key)) for key in in_slice.slice_key.single_slice_keys)
        )
        value = metrics.get(name, {}).get(BITS_PER_BYTE, float("nan"))
        for failure in in_slice.failures:
            threshold = failure.metric_threshold
            if threshold.HasField("value_threshold"):
                bound = threshold.value_threshold.upper_bound.value
                yield f"{BITS_PER_BYTE} {name} is {value:.4f}, above the bound {bound:g}"
            if threshold.HasField("change_threshold"):
                before = baseline_metrics.get(name, {}).get(BITS_PER_BYTE, float("nan"))
                allowed = threshold.change_threshold.absolute.value
                yield (
                    f"{BITS_PER_BYTE} {name} is {value:.4f}, {value - before:+.4f} against the baseline's "
                    f"{before:.4f}; {allowed:+g} is allowed"
                )
