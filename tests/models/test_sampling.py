import numpy as np
import pytest
import tensorflow as tf

from models import sampling


def _options(temperature=1.0, top_k=0, top_p=1.0, seed=0, batch=1):
    return sampling.SamplingOptions(
        temperature=tf.fill([batch], float(temperature)),
        top_k=tf.fill([batch], top_k),
        top_p=tf.fill([batch], float(top_p)),
        seed=tf.fill([batch], seed),
    )


LOGITS = np.log(np.array([[0.2, 0.5, 0.3]], np.float32))


def _choose(uniform, **options):
    return int(
        sampling.choose(tf.constant(LOGITS), tf.constant([uniform], tf.float32), _options(**options))[0]
    )


def test_the_documented_example_chooses_the_second_token():
    assert _choose(0.7, top_p=0.7) == 2


@pytest.mark.parametrize(
    ("uniform", "token"), [(0.0, 1), (0.49, 1), (0.51, 2), (0.79, 2), (0.81, 0), (0.999, 0)]
)
def test_the_cumulative_distribution_is_inverted(uniform, token):
    assert _choose(uniform) == token


def test_temperature_zero_takes_the_likeliest_whatever_the_number():
    assert {_choose(uniform, temperature=0.0) for uniform in (0.0, 0.5, 0.999)} == {1}


def test_top_k_keeps_the_k_likeliest():
    assert {_choose(uniform, top_k=2) for uniform in np.linspace(0, 0.999, 50)} == {1, 2}


def test_top_p_keeps_at_least_one_token():
    assert {_choose(uniform, top_p=0.01) for uniform in np.linspace(0, 0.999, 50)} == {1}


def test_a_low_temperature_sharpens():
    # 0.5^2 : 0.3^2 : 0.2^2 = 25 : 9 : 4 of 38, so 0.65 is just below the first token's share.
    assert _choose(0.65, temperature=0.5) == 1
    assert _choose(0.67, temperature=0.5) == 2


def test_a_row_draws_the_same_numbers_alone_and_in_a_batch():
    alone = sampling.uniforms(tf.constant([5]), 9).numpy()
    together = sampling.uniforms(tf.constant([3, 5, 3]), 9).numpy()
    np.testing.assert_array_equal(alone[0], together[1])
    np.testing.assert_array_equal(together[0], together[2])
    assert not np.array_equal(together[0], together[1])


def test_greedy_and_sampling_rows_share_a_batch():
    options = sampling.SamplingOptions(
        tf.constant([0.0, 1.0]), tf.constant([0, 0]), tf.constant([1.0, 1.0]), tf.constant([0, 0])
    )
    chosen = sampling.choose(tf.constant(np.repeat(LOGITS, 2, 0)), tf.constant([0.9, 0.9]), options)
    assert chosen.numpy().tolist() == [1, 0]
