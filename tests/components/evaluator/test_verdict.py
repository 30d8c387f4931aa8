"""The verdict on made-up metrics: which bound is broken, on which slice, in which words."""

import math

import pytest
from pydantic import ValidationError

from components.evaluator.settings import Bound, EvaluationConfig
from components.evaluator.verdict import judge
from models.prediction_measures import LOWER_IS_BETTER, METRICS

TOKENS = {"overall": 5000, "source:a": 4000, "source:b": 900, "language:fr": 5000, "length:<256": 5000}


def _metrics(**overall):
    """The same on every slice, but for what the overall one is given."""
    values = {"loss": 3.0, "bits_per_byte": 2.0, "accuracy": 0.4}
    return {name: {**values, **(overall if name == "overall" else {})} for name in TOKENS}


def _judge(settings=None, metrics=None, **others):
    return judge(settings or EvaluationConfig(), metrics or _metrics(), TOKENS, **others)


def test_a_model_within_every_bound_passes():
    judgement = _judge(baseline=_metrics())
    assert judgement.passed
    assert judgement.remarks == ()


def test_a_value_at_the_bound_passes_and_one_above_does_not():
    assert _judge(EvaluationConfig(max_bits_per_byte=2.0)).passed
    failed = _judge(EvaluationConfig(max_bits_per_byte=1.9))
    assert failed.failures == ("bits_per_byte overall is 2.0000, above the bound 1.9",)


def test_a_slice_of_any_kind_that_got_worse_blocks_and_both_values_are_said():
    for name in ("source:a", "language:fr", "length:<256"):
        worse = _metrics()
        worse[name]["bits_per_byte"] = 2.25
        judgement = _judge(metrics=worse, baseline=_metrics())
        assert judgement.failures == (
            f"bits_per_byte {name} is 2.2500, +0.2500 against the baseline's 2.0000; +0.1 is allowed",
        )


def test_a_slice_of_few_tokens_is_told_and_does_not_block():
    worse = _metrics()
    worse["source:b"]["bits_per_byte"] = 9.0
    judgement = _judge(metrics=worse, baseline=_metrics())
    assert judgement.passed
    assert judgement.remarks == (
        "bits_per_byte source:b is 9.0000, +7.0000 against the baseline's 2.0000; +0.1 is allowed; "
        "not blocking, as it is of 900 tokens, fewer than 1,000",
    )
    assert not _judge(EvaluationConfig(min_slice_tokens=900), worse, baseline=_metrics()).passed


def test_the_overall_slice_blocks_however_few_its_tokens():
    settings = EvaluationConfig(min_slice_tokens=10**6, max_bits_per_byte=1.0)
    assert not _judge(settings).passed


def test_a_slice_that_the_baseline_lacks_has_no_change():
    baseline = {"overall": {"bits_per_byte": 2.0}}
    assert _judge(baseline=baseline).passed


def test_a_metric_that_the_baseline_of_an_earlier_version_lacks_has_no_change():
    settings = EvaluationConfig(bounds=(Bound(metric="accuracy", max_regression=0.0),))
    assert _judge(settings, baseline={"overall": {"bits_per_byte": 2.0, "accuracy": math.nan}}).passed
    assert _judge(settings, baseline={"overall": {"bits_per_byte": 2.0}}).passed


def test_a_value_that_is_no_number_fails():
    judgement = _judge(metrics=_metrics(bits_per_byte=math.nan))
    assert judgement.failures == ("bits_per_byte overall is not a number",)


@pytest.mark.parametrize(
    ("bound", "sentence"),
    [
        ({"at_least": 0.5}, "accuracy source:a is 0.4000, below the bound 0.5"),
        ({"at_most": 0.3}, "accuracy source:a is 0.4000, above the bound 0.3"),
        (
            {"max_regression": 0.05},
            "accuracy source:a is 0.4000, -0.1000 against the baseline's 0.5000; -0.05 is allowed",
        ),
    ],
)
def test_a_bound_of_ones_own_is_on_the_slice_that_it_names(bound, sentence):
    settings = EvaluationConfig(bounds=(Bound(metric="accuracy", slices="source:a", **bound),))
    before = _metrics()
    for values in before.values():
        values["accuracy"] = 0.5
    assert _judge(settings, baseline=before).failures == (sentence,)


def test_an_accuracy_that_rose_is_no_regression():
    settings = EvaluationConfig(bounds=(Bound(metric="accuracy", max_regression=0.0),))
    assert _judge(settings, metrics=_metrics(accuracy=0.9), baseline=_metrics()).passed


def test_a_bound_on_a_kind_of_slices_is_on_each_of_them_and_on_no_other():
    bound = Bound(metric="accuracy", slices="source", at_least=0.5)
    assert bound.among(TOKENS) == ["source:a", "source:b"]
    assert Bound(metric="accuracy", at_least=0.5).among(TOKENS) == ["overall"]


@pytest.mark.parametrize(("reached", "bound"), [(1.5, "1.6"), (5.0, None)])
def test_a_baseline_that_reads_other_rows_lowers_the_bound_and_never_raises_it(reached, bound):
    settings = EvaluationConfig(max_bits_per_byte=3.0, max_regression=0.1)
    failures = _judge(settings, reached=reached).failures
    expected = (f"bits_per_byte overall is 2.0000, above the bound {bound}",) if bound else ()
    assert failures == expected


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"metric": "accuracy"}, "give at_most, at_least or max_regression"),
        (
            {"metric": "accuracy", "at_most": 1, "slices": "author:x"},
            "expected overall, source, language, length",
        ),
        ({"metric": "speed", "at_most": 1}, "bits_per_byte"),
    ],
)
def test_a_bound_that_bounds_nothing_is_refused(values, message):
    with pytest.raises(ValidationError, match=message):
        Bound(**values)


def test_every_metric_can_be_bounded_and_has_a_better_side():
    assert {name for name in LOWER_IS_BETTER if Bound(metric=name, at_most=1.0)} == set(METRICS)
    assert [name for name, lower in LOWER_IS_BETTER.items() if not lower] == ["accuracy"]
