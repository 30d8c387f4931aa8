"""Against values worked out by hand, and against scikit-learn and lm-evaluation-harness's definitions."""

import math

import numpy as np
import pytest
import tensorflow as tf
from sklearn.calibration import calibration_curve
from sklearn.metrics import accuracy_score, brier_score_loss, log_loss

from models import prediction_measures as measures
from models.scoring import prediction_sums

BYTES = 4


def _sums(probabilities, targets, weights=None, num_bytes=BYTES):
    """Of one row whose targets have the given probabilities, ``(length, vocabulary)``."""
    logits = tf.constant(np.log(probabilities)[None] + 3.0, tf.float32)
    ids = tf.constant([[0, *targets]], tf.int32)
    weights = tf.ones([1, len(targets)]) if weights is None else tf.constant([weights], tf.float32)
    sums = {name: value.numpy()[0] for name, value in prediction_sums(logits, ids, weights).items()}
    return {**sums, "num_bytes": np.float64(num_bytes)}


@pytest.fixture(scope="module")
def drawn():
    """400 distributions over 7 tokens, some sure and some not, and targets drawn from a flatter one."""
    random = np.random.default_rng(5)
    probabilities = random.dirichlet(np.full(7, 0.4), 400) * 0.999 + 0.001 / 7
    flatter = 0.6 * probabilities + 0.4 / 7
    targets = np.array([random.choice(7, p=row / row.sum()) for row in flatter])
    return probabilities, targets


def test_the_documented_example_gives_the_documented_numbers():
    found = measures.metrics(_sums([[0.7, 0.2, 0.1], [0.5, 0.3, 0.2]], [0, 1]))
    expected = {
        "loss": 0.780, "perplexity": 2.182, "bits_per_byte": 0.563, "byte_perplexity": 1.477,
        "accuracy": 0.5, "brier": 0.46, "calibration_error": 0.4,
    }  # fmt: skip
    assert tuple(found) == measures.METRICS
    for name, value in expected.items():
        assert found[name] == pytest.approx(value, abs=1e-3), name


def test_loss_accuracy_and_brier_are_scikit_learns(drawn):
    probabilities, targets = drawn
    found = measures.metrics(_sums(probabilities, targets))
    labels = list(range(7))
    assert found["loss"] == pytest.approx(log_loss(targets, probabilities, labels=labels), rel=1e-5)
    assert found["accuracy"] == accuracy_score(targets, probabilities.argmax(axis=1))
    one_against_all = sum(brier_score_loss(targets == k, probabilities[:, k]) for k in labels)
    assert found["brier"] == pytest.approx(one_against_all, rel=1e-5)


def test_the_bins_are_scikit_learns_and_their_gaps_are_the_calibration_error(drawn):
    probabilities, targets = drawn
    sums = _sums(probabilities, targets)
    confidence, is_right = probabilities.max(axis=1), probabilities.argmax(axis=1) == targets
    accuracy, mean = calibration_curve(is_right, confidence, n_bins=measures.NUM_BINS)
    used = sums["bin_tokens"] > 0
    np.testing.assert_allclose(sums["bin_correct"][used] / sums["bin_tokens"][used], accuracy, rtol=1e-5)
    np.testing.assert_allclose(sums["bin_confidence"][used] / sums["bin_tokens"][used], mean, rtol=1e-5)
    shares = sums["bin_tokens"][used] / len(targets)
    expected = (shares * np.abs(accuracy - mean)).sum()
    assert expected > 0.05
    assert measures.metrics(sums)["calibration_error"] == pytest.approx(expected, rel=1e-4)


def test_bits_per_byte_and_byte_perplexity_are_lm_evaluation_harness():
    """Its aggregations, lm_eval/api/metrics.py: of pairs (log-likelihood, bytes), the sum of the first
    over that of the second, negated, is divided by ln 2, or exponentiated."""
    documents = [(-12.5, 31), (-3.25, 8), (-40.0, 77)]
    weighted = sum(ll for ll, _ in documents) / sum(size for _, size in documents)
    total = {"nll": 55.75, "num_tokens": 20.0, "num_bytes": 116.0}
    found = measures.metrics({name: np.array(value) for name, value in total.items()})
    assert found["bits_per_byte"] == pytest.approx(-weighted / math.log(2))
    assert found["byte_perplexity"] == pytest.approx(math.exp(-weighted))
    assert found["byte_perplexity"] == pytest.approx(2 ** found["bits_per_byte"])


def test_a_target_that_does_not_count_is_in_no_sum(drawn):
    probabilities, targets = drawn
    weights = np.arange(len(targets)) % 3 > 0
    some = _sums(probabilities, targets, weights.astype(np.float32))
    alone = _sums(probabilities[weights], targets[weights])
    for name in measures.SUMS:
        np.testing.assert_allclose(some[name], alone[name], rtol=1e-4, err_msg=name)


def test_each_target_is_in_one_bin_and_its_edges_belong_to_the_bin_below():
    third = np.array([[1 / 3, 1 / 3, 1 / 3]])
    assert _sums(third, [0])["bin_tokens"].nonzero()[0].tolist() == [4]  # 5/15 closes the fifth bin.
    sure = np.array([[1.0, 1e-30, 1e-30]])
    assert _sums(sure, [0])["bin_tokens"].nonzero()[0].tolist() == [14]


def test_sums_add_up_to_those_of_all_and_metrics_of_many_come_at_once(drawn):
    probabilities, targets = drawn
    halves = [_sums(probabilities[part], targets[part]) for part in (slice(0, 150), slice(150, None))]
    stacked = {name: np.stack([half[name] for half in halves]) for name in measures.SUMS}
    whole = _sums(probabilities, targets, num_bytes=2 * BYTES)
    added = measures.metrics({name: values.sum(axis=0) for name, values in stacked.items()})
    for name, value in measures.metrics(whole).items():
        assert added[name] == pytest.approx(value, rel=1e-4)
        each = [measures.metrics(half)[name] for half in halves]
        np.testing.assert_allclose(measures.metrics(stacked)[name], each, rtol=1e-6)


def test_nothing_measured_is_not_a_number_and_a_hopeless_loss_has_an_infinite_perplexity():
    nothing = {name: np.array(0.0) for name in ("nll", "num_tokens", "num_bytes")}
    assert all(math.isnan(value) for value in measures.metrics(nothing).values())
    hopeless = {"nll": np.array(1e5), "num_tokens": np.array(1.0), "num_bytes": np.array(1.0)}
    assert measures.metrics(hopeless)["perplexity"] == math.inf


def test_a_model_of_an_earlier_version_has_the_metrics_of_its_loss_alone():
    three = {"nll": np.array(2.0), "num_tokens": np.array(1.0), "num_bytes": np.array(4.0)}
    assert set(measures.metrics(three)) == {"loss", "perplexity", "bits_per_byte", "byte_perplexity"}


def test_a_uniform_guess_is_what_uniform_probabilities_measure():
    size, targets = 5, [0, 3, 4, 1, 1]
    probabilities = np.full((len(targets), size), 1 / size)
    measured = measures.metrics(_sums(probabilities, targets))
    guess = measures.uniform_guess(len(targets), BYTES, size)
    assert set(guess) == set(measures.METRICS)
    # Among equals the first is taken for the likeliest: here one of five targets, by construction.
    for name, value in guess.items():
        assert measured[name] == pytest.approx(value, abs=1e-5), name
