import math

import pytest
from tensorboard.util import tensor_util

from components.evaluator.settings import Bound, EvaluationConfig
from models.training import event_files

ALL_BLOCK = {"min_slice_tokens": 0}


@pytest.fixture(scope="module")
def first(evaluate_in, write_model, tmp_path_factory):
    """The evaluation of a model without a baseline, and its folder."""
    folder = tmp_path_factory.mktemp("first")
    bound = Bound(metric="accuracy", slices="source:b", at_least=0.6)
    settings = EvaluationConfig(bounds=(bound,), max_bits_per_byte=2.25)
    return evaluate_in(folder, write_model(folder / "m", bits=2.0), None, settings), folder


def test_metrics_are_sums_over_tokens_and_bytes_overall_and_by_slice(first):
    found, _ = first
    # a: 12 tokens and bytes at 2 bits; b: 2 tokens and bytes at 4 bits.
    assert list(found.metrics) == ["overall", "language:en", "length:<256", "source:a", "source:b"]
    assert found.metrics["source:a"]["bits_per_byte"] == pytest.approx(2.0, rel=1e-5)
    assert found.metrics["source:b"]["bits_per_byte"] == pytest.approx(4.0, rel=1e-5)
    assert found.metrics["language:en"] == pytest.approx(found.metrics["overall"])
    assert found.tokens == {
        "overall": 14,
        "language:en": 14,
        "length:<256": 14,
        "source:a": 12,
        "source:b": 2,
    }
    assert found.bits_per_byte == pytest.approx((12 * 2 + 2 * 4) / 14, rel=1e-5)
    overall = found.metrics["overall"]
    assert overall["loss"] == pytest.approx(found.bits_per_byte * math.log(2), rel=1e-5)
    assert (
        overall["perplexity"] == overall["byte_perplexity"] == pytest.approx(2**found.bits_per_byte, rel=1e-4)
    )
    assert overall["accuracy"] == pytest.approx(0.5)
    assert overall["brier"] == pytest.approx(0.25)
    assert overall["calibration_error"] == pytest.approx(0.02, rel=1e-4)


def test_the_sums_by_bin_are_kept_for_the_picture(first):
    found, _ = first
    tokens, confidence, correct = ([round(value, 3) for value in row if value] for row in found.reliability)
    assert (tokens, confidence, correct) == ([14.0], [7.28], [7.0])


def test_a_model_above_the_bound_is_not_blessed_and_small_slices_are_told(first):
    found, _ = first
    assert not found.blessed
    assert found.failures == ("bits_per_byte overall is 2.2857, above the bound 2.25",)
    assert found.remarks == (
        "accuracy source:b is 0.5000, below the bound 0.6; not blocking, as it is of 2 tokens, "
        "fewer than 1,000",
    )


def test_the_metrics_are_in_the_trainings_event_files(first):
    found, folder = first
    events = list(event_files.read(str(folder / "model_run")))
    points = {
        value.tag: (event.step, tensor_util.make_ndarray(value.tensor).item())
        for event in events
        for value in event.summary.value
    }
    assert points["bits_per_byte/test"] == (20, pytest.approx(found.bits_per_byte))
    assert points["accuracy/test source:b"] == (20, pytest.approx(0.5))
    assert len(points) == sum(len(values) for values in found.metrics.values())


def test_a_worse_model_is_not_blessed_and_all_it_says_names_both_values(evaluate, write_model, tmp_path):
    model, baseline = write_model(tmp_path / "m", bits=2.1), write_model(tmp_path / "b", bits=2.0)
    settings = EvaluationConfig(max_regression=0.05, max_slice_regression=0.15, **ALL_BLOCK)
    found = evaluate(model, baseline, settings)
    assert found.failures == (
        "bits_per_byte overall is 2.4000, +0.1143 against the baseline's 2.2857; +0.05 is allowed",
        "bits_per_byte source:b is 4.2000, +0.2000 against the baseline's 4.0000; +0.15 is allowed",
    )
    assert found.baseline == "compared with the model pushed last"


def test_a_slightly_worse_model_is_blessed_also_where_the_baseline_is_of_an_earlier_version(
    evaluate, write_model, tmp_path
):
    baseline = write_model(tmp_path / "b", bits=2.0, is_old=True)
    settings = EvaluationConfig(
        max_regression=0.05, bounds=(Bound(metric="accuracy", max_regression=0.0),), **ALL_BLOCK
    )
    found = evaluate(write_model(tmp_path / "m", bits=2.01), baseline, settings)
    assert found.blessed
    assert found.baseline_metrics["overall"]["bits_per_byte"] == pytest.approx(2.2857, abs=1e-4)
    assert "accuracy" not in found.baseline_metrics["overall"]


def test_a_baseline_with_another_tokenizer_is_compared_by_what_it_reached(evaluate, write_model, tmp_path):
    reached = {"overall": {"bits_per_byte": 2.0}}
    baseline = write_model(tmp_path / "b", bits=1.0, tokenizer="other", evaluation=reached)
    found = evaluate(write_model(tmp_path / "m", bits=2.0), baseline, EvaluationConfig(max_regression=0.1))
    assert found.failures == ("bits_per_byte overall is 2.2857, above the bound 2.1",)
    assert "has another tokenizer or context, and had 2.000 bits per byte" in found.baseline
