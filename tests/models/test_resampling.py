import numpy as np
import pytest

from models import resampling


def _rows(count, seed=0):
    random = np.random.default_rng(seed)
    tokens = np.full(count, 10.0)
    return {"nll": random.normal(30.0, 5.0, count), "num_tokens": tokens, "num_bytes": 3 * tokens}


def test_the_interval_is_as_wide_as_the_standard_error_says():
    rows = _rows(400)
    low, high = resampling.interval(resampling.resampled(rows)["loss"])
    standard_error = rows["nll"].std() / 10 / np.sqrt(400)
    assert (high - low) / 2 == pytest.approx(1.96 * standard_error, rel=0.1)
    assert low < rows["nll"].sum() / 4000 < high


def test_intervals_hold_the_true_value_about_as_often_as_they_say():
    hits = 0
    for seed in range(200):
        low, high = resampling.interval(resampling.resampled(_rows(50, seed), num_resamples=300)["loss"])
        hits += low <= 3.0 <= high
    assert 0.88 <= hits / 200 <= 0.99


def test_two_models_on_the_same_rows_are_resampled_alike():
    one = _rows(300)
    other = {**one, "nll": one["nll"] + 1.0}
    change = resampling.resampled(other)["loss"] - resampling.resampled(one)["loss"]
    np.testing.assert_allclose(change, 0.1, rtol=1e-9)


def test_the_resamples_do_not_depend_on_how_many_are_made_at_a_time(monkeypatch):
    rows = _rows(30)
    whole = resampling.resampled(rows, num_resamples=50)["loss"]
    assert whole.shape == (50,)
    monkeypatch.setattr(resampling, "_WEIGHTS_AT_A_TIME", 30 * 7)
    np.testing.assert_allclose(resampling.resampled(rows, num_resamples=50)["loss"], whole)


def test_values_that_are_no_number_are_left_out():
    assert resampling.interval(np.array([np.nan, 1.0, 1.0])) == (1.0, 1.0)
    assert np.isnan(resampling.interval(np.array([np.nan]))).all()
