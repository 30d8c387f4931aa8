"""TFMA's configuration of the evaluation: what is measured, on which slices, within which bounds."""

from __future__ import annotations

from tensorflow_model_analysis.proto import config_pb2

from components.config import EvaluationConfig
from models.features import SOURCE
from serving import contract

BITS_PER_BYTE = "bits_per_byte"
_METRICS = "components.evaluator.metrics"


def eval_config(settings: EvaluationConfig) -> config_pb2.EvalConfig:
    """Loss, perplexity and bits per byte, overall and by source.

    Only bits per byte has bounds, as it alone can be compared between tokenizers. TFMA holds
    a metric's plain threshold against every slice, so the bounds are set slice by slice; it
    leaves the change thresholds out where there is no baseline.
    """
    return config_pb2.EvalConfig(
        model_specs=[config_pb2.ModelSpec(signature_name=contract.EVALUATE)],
        slicing_specs=[config_pb2.SlicingSpec(), config_pb2.SlicingSpec(feature_keys=[SOURCE])],
        metrics_specs=[
            config_pb2.MetricsSpec(
                metrics=[
                    config_pb2.MetricConfig(class_name="LossPerToken", module=_METRICS),
                    config_pb2.MetricConfig(class_name="Perplexity", module=_METRICS),
                    _bounded_bits_per_byte(settings),
                ]
            )
        ],
    )


def _bounded_bits_per_byte(settings: EvaluationConfig) -> config_pb2.MetricConfig:
    overall = config_pb2.MetricThreshold(
        value_threshold=config_pb2.GenericValueThreshold(upper_bound={"value": settings.max_bits_per_byte}),
        change_threshold=_at_most_worse_by(settings.max_regression),
    )
    by_source = config_pb2.MetricThreshold(change_threshold=_at_most_worse_by(settings.max_source_regression))
    return config_pb2.MetricConfig(
        class_name="BitsPerByte",
        module=_METRICS,
        per_slice_thresholds=[
            config_pb2.PerSliceMetricThreshold(slicing_specs=[config_pb2.SlicingSpec()], threshold=overall),
            config_pb2.PerSliceMetricThreshold(
                slicing_specs=[config_pb2.SlicingSpec(feature_keys=[SOURCE])], threshold=by_source
            ),
        ],
    )


def _at_most_worse_by(bits: float) -> config_pb2.GenericChangeThreshold:
    return config_pb2.GenericChangeThreshold(
        absolute={"value": bits}, direction=config_pb2.MetricDirection.LOWER_IS_BETTER
    )


def require_at_most(config: config_pb2.EvalConfig, reached: float) -> None:
    """Lowers the overall bound on bits per byte to ``reached`` and the tolerated change."""
    [bounded] = (m for spec in config.metrics_specs for m in spec.metrics if m.per_slice_thresholds)
    overall = bounded.per_slice_thresholds[0].threshold
    tolerated = reached + overall.change_threshold.absolute.value
    bound = overall.value_threshold.upper_bound
    bound.value = min(bound.value, tolerated)
