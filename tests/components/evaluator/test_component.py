import math

import pytest

from components.config import EvaluationConfig


def test_metrics_are_sums_over_tokens_and_bytes_overall_and_by_source(evaluate, write_model, tmp_path):
    found = evaluate(write_model(tmp_path / "m", bits=2.0), None, EvaluationConfig())
    # a: 12 tokens and bytes at 2 bits; b: 2 tokens and bytes at 4 bits.
    assert found.metrics["source:a"]["bits_per_byte"] == pytest.approx(2.0, rel=1e-5)
    assert found.metrics["source:b"]["bits_per_byte"] == pytest.approx(4.0, rel=1e-5)
    assert found.bits_per_byte == pytest.approx((12 * 2 + 2 * 4) / 14, rel=1e-5)
    assert found.metrics["overall"]["loss"] == pytest.approx(found.bits_per_byte * math.log(2), rel=1e-5)
    assert found.metrics["overall"]["perplexity"] == pytest.approx(2**found.bits_per_byte, rel=1e-4)
    assert found.blessed


def test_a_model_above_the_bound_is_not_blessed_and_the_reason_is_in_words(evaluate, write_model, tmp_path):
    found = evaluate(write_model(tmp_path / "m", bits=2.0), None, EvaluationConfig(max_bits_per_byte=2.25))
    assert not found.blessed
    assert found.failures == ("bits_per_byte overall is 2.2857, above the bound 2.25",)


def test_a_slightly_worse_model_is_blessed(evaluate, write_model, tmp_path):
    model, baseline = write_model(tmp_path / "m", bits=2.01), write_model(tmp_path / "b", bits=2.0)
    found = evaluate(model, baseline, EvaluationConfig(max_regression=0.05))
    assert found.blessed
    assert found.baseline_metrics["overall"]["bits_per_byte"] == pytest.approx(2.2857, abs=1e-4)


def test_a_much_worse_model_is_not_blessed_and_both_values_are_said(evaluate, write_model, tmp_path):
    model, baseline = write_model(tmp_path / "m", bits=2.1), write_model(tmp_path / "b", bits=2.0)
    found = evaluate(model, baseline, EvaluationConfig(max_regression=0.05, max_source_regression=1.0))
    assert found.failures == (
        "bits_per_byte overall is 2.4000, +0.1143 against the baseline's 2.2857; +0.05 is allowed",
    )


def test_a_source_that_got_worse_blocks_on_its_own_bound(evaluate, write_model, tmp_path):
    model, baseline = write_model(tmp_path / "m", bits=2.1), write_model(tmp_path / "b", bits=2.0)
    found = evaluate(model, baseline, EvaluationConfig(max_regression=1.0, max_source_regression=0.15))
    assert [failure.split(",")[0] for failure in found.failures] == ["bits_per_byte source:b is 4.2000"]


def test_a_baseline_with_another_tokenizer_is_compared_by_what_it_reached(evaluate, write_model, tmp_path):
    reached = {"overall": {"bits_per_byte": 2.0}}
    baseline = write_model(tmp_path / "b", bits=1.0, tokenizer="other", evaluation=reached)
    found = evaluate(write_model(tmp_path / "m", bits=2.0), baseline, EvaluationConfig(max_regression=0.1))
    assert found.failures == ("bits_per_byte overall is 2.2857, above the bound 2.1",)
    assert "has another tokenizer or context, and had 2.000 bits per byte" in found.baseline
