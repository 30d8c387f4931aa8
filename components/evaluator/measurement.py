"""TFMA's configuration of the evaluation: what is measured, and on which slices.

The bounds are not TFMA's. It holds a metric's threshold against every slice, however few tokens that has, and
takes a model for failed that a baseline of an earlier version cannot be compared with; so TFMA measures,
and `components.evaluator.verdict` judges, the same here and in ``lexmill evaluate``.
"""

from __future__ import annotations

from tensorflow_model_analysis.proto import config_pb2

from models.features import SLICES
from serving import contract


def eval_config() -> config_pb2.EvalConfig:
    """The corpus metrics, overall and by each of `models.features.SLICES`."""
    return config_pb2.EvalConfig(
        model_specs=[config_pb2.ModelSpec(signature_name=contract.EVALUATE)],
        slicing_specs=[
            config_pb2.SlicingSpec(),
            *(config_pb2.SlicingSpec(feature_keys=[feature]) for feature in SLICES),
        ],
        metrics_specs=[
            config_pb2.MetricsSpec(
                metrics=[
                    config_pb2.MetricConfig(class_name="CorpusMetrics", module="components.evaluator.metrics")
                ]
            )
        ],
    )
