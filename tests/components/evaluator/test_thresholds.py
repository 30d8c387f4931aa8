import pytest
from tensorflow_model_analysis.proto import config_pb2

from components.config import EvaluationConfig
from components.evaluator import thresholds


def _bounded(config):
    [metric] = [m for spec in config.metrics_specs for m in spec.metrics if m.per_slice_thresholds]
    return metric


def test_only_bits_per_byte_has_bounds_and_the_absolute_one_is_overall():
    settings = EvaluationConfig(max_bits_per_byte=3.0, max_regression=0.1, max_source_regression=0.4)
    metric = _bounded(thresholds.eval_config(settings))
    assert metric.class_name == "BitsPerByte"
    overall, by_source = metric.per_slice_thresholds
    assert overall.threshold.value_threshold.upper_bound.value == 3.0
    assert overall.threshold.change_threshold.absolute.value == pytest.approx(0.1)
    assert list(by_source.slicing_specs[0].feature_keys) == ["source"]
    assert not by_source.threshold.HasField("value_threshold")
    assert by_source.threshold.change_threshold.absolute.value == pytest.approx(0.4)
    assert by_source.threshold.change_threshold.direction == config_pb2.MetricDirection.LOWER_IS_BETTER


@pytest.mark.parametrize(("reached", "bound"), [(2.0, 2.1), (5.0, 3.0)])
def test_a_baseline_that_reads_other_rows_lowers_the_bound_and_never_raises_it(reached, bound):
    config = thresholds.eval_config(EvaluationConfig(max_bits_per_byte=3.0, max_regression=0.1))
    thresholds.require_at_most(config, reached)
    overall = _bounded(config).per_slice_thresholds[0].threshold
    assert overall.value_threshold.upper_bound.value == pytest.approx(bound)
