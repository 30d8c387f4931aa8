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


def test_the_documented_example_chooses_the_last_token():
    assert _choose(0.7, top_p=0.7) == 2


@pytest.mark.parametrize(
    ("uniform", "token"), [(0.0, 0), (0.19, 0), (0.21, 1), (0.69, 1), (0.71, 2), (0.999, 2)]
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
    # 0.2^2 : 0.5^2 : 0.3^2 = 4 : 25 : 9 of 38, so 0.10 is just below the first token's share.
    assert _choose(0.10, temperature=0.5) == 0
    assert _choose(0.11, temperature=0.5) == 1
    assert _choose(0.77, temperature=0.5) == 2


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
    assert chosen.numpy().tolist() == [1, 2]


def _by_sorting(logits, uniform, temperature, top_k, top_p):
    """The slow way, in float64."""
    probabilities = np.exp(np.float64(logits) / temperature)
    probabilities /= probabilities.sum()
    order = np.argsort(-probabilities, kind="stable")
    kept = order[: top_k or len(order)]
    shares = probabilities[kept] / probabilities[kept].sum()
    kept = kept[np.cumsum(shares) - shares < top_p]
    weights = np.zeros_like(probabilities)
    weights[kept] = probabilities[kept]
    cumulative = np.cumsum(weights)
    return cumulative, uniform * cumulative[-1]


@pytest.mark.parametrize("jit_compile", [False, True], ids=["plain", "compiled"])
@pytest.mark.parametrize("vocabulary_size", [3, 320, 1000])
def test_tokens_are_those_that_sorting_gives(vocabulary_size, jit_compile):
    generator = np.random.default_rng(0)
    rows = 64
    logits = generator.normal(0, 3, (rows, vocabulary_size)).astype(np.float32)
    logits[:, 1] = -np.inf
    uniform = generator.random(rows).astype(np.float32)
    temperature = generator.uniform(0.3, 2, rows).astype(np.float32)
    top_k = generator.integers(0, 20, rows).astype(np.int32)
    top_p = np.where(generator.random(rows) < 0.3, 1, generator.uniform(0.05, 1, rows)).astype(np.float32)
    options = sampling.SamplingOptions(*(tf.constant(one) for one in (temperature, top_k, top_p, top_k)))
    choose = tf.function(
        lambda *given: sampling.choose(*given, options), jit_compile=jit_compile, autograph=False
    )
    chosen = choose(tf.constant(logits), tf.constant(uniform)).numpy()
    for row in range(rows):
        cumulative, target = _by_sorting(logits[row], uniform[row], temperature[row], top_k[row], top_p[row])
        before = cumulative[chosen[row] - 1] if chosen[row] else 0.0
        assert before < cumulative[chosen[row]], "a token that was to be left out"
        assert before - 1e-5 <= target <= cumulative[chosen[row]] + 1e-5


def test_tokens_that_stand_for_no_text_are_never_drawn_however_the_number_falls():
    logits = tf.constant([[-np.inf, 0.0, 0.0, -np.inf, -np.inf]], tf.float32)
    for uniform in (0.0, 0.5, float(np.nextafter(np.float32(1), np.float32(0)))):
        assert int(sampling.choose(logits, tf.constant([uniform]), _options())[0]) in (1, 2)
