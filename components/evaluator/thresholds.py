"""TFMA's configuration of the evaluation: what is measured, on which slices, within which bounds."""

from __future__ import annotations

import tensorflow_model_analysis as tfma

from components.config import EvaluationConfig
from models.features import SOURCE
from serving import contract

BITS_PER_BYTE = "bits_per_byte"
_METRICS = "components.evaluator.metrics"


def eval_config(settings: EvaluationConfig) -> tfma.EvalConfig:
    """Loss, perplexity and bits per byte, overall and by source.

    Only bits per byte has bounds, as it alone can be compared between tokenizers. TFMA holds
    a metric's plain threshold against every slice, so the bounds are set slice by slice; it
    leaves the change thresholds out where there is no baseline.
    """
    return tfma.EvalConfig(
        model_specs=[tfma.ModelSpec(signature_name=contract.EVALUATE)],
        slicing_specs=[tfma.SlicingSpec(), tfma.SlicingSpec(feature_keys=[SOURCE])],
        metrics_specs=[
            tfma.MetricsSpec(
                metrics=[
                    tfma.MetricConfig(class_name="LossPerToken", module=_METRICS),
                    tfma.MetricConfig(class_name="Perplexity", module=_METRICS),
                    _bounded_bits_per_byte(settings),
                ]
            )
        ],
    )


def _bounded_bits_per_byte(settings: EvaluationConfig) -> tfma.MetricConfig:
    overall = tfma.MetricThreshold(
        value_threshold=tfma.GenericValueThreshold(upper_bound={"value": settings.max_bits_per_byte}),
        change_threshold=_at_most_worse_by(settings.max_regression),
    )
    by_source = tfma.MetricThreshold(change_threshold=_at_most_worse_by(settings.max_source_regression))
    return tfma.MetricConfig(
        class_name="BitsPerByte",
        module=_METRICS,
        per_slice_thresholds=[
            tfma.PerSliceMetricThreshold(slicing_specs=[tfma.SlicingSpec()], threshold=overall),
            tfma.PerSliceMetricThreshold(
                slicing_specs=[tfma.SlicingSpec(feature_keys=[SOURCE])], threshold=by_source
            ),
        ],
    )


def _at_most_worse_by(bits: float) -> tfma.GenericChangeThreshold:
    return tfma.GenericChangeThreshold(
        absolute={"value": bits}, direction=tfma.MetricDirection.LOWER_IS_BETTER
    )


def require_at_most(config: tfma.EvalConfig, reached: float) -> None:
    """Lowers the overall bound on bits per byte to ``reached`` and the tolerated change."""
    [bounded] = (m for spec in config.metrics_specs for m in spec.metrics if m.per_slice_thresholds)
    overall = bounded.per_slice_thresholds[0].threshold
    tolerated = reached + overall.change_threshold.absolute.value
    bound = overall.value_threshold.upper_bound
    bound.value = min(bound.value, tolerated)
