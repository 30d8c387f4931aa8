"""A step cut into shards computes what it computes in one piece."""

import os

import keras
import numpy as np
import pytest
import tensorflow as tf

from models import causal_lm
from models.config import ModelConfig, TrainingConfig
from models.training import cores
from models.training.optimizer import AdamW
from models.training.step import Stack, TrainingStep, seed_states

STEPS, ROWS, LENGTH, VOCABULARY = 3, 4, 8, 300


def _stack(parts=1):
    random = np.random.default_rng(0)
    shape = (STEPS, parts, ROWS // parts, LENGTH)
    mask = random.integers(0, 2, shape).astype(np.float32)
    return Stack(
        tf.constant(random.integers(3, VOCABULARY, (*shape[:-1], LENGTH + 1)), tf.int32),
        tf.constant(mask),
        tf.constant(mask.sum((1, 2, 3))),
        tf.fill([STEPS], 1e-2),
    )


def _trained(num_shards, parts=1, jit_compile=False, **model_options):
    """Sums of each step, final weights, final seeds."""
    keras.utils.set_random_seed(0)
    size = ModelConfig(**{"num_layers": 1, "hidden_dim": 16, "num_heads": 2, **model_options})
    model = causal_lm.build(size, VOCABULARY, LENGTH)
    config = TrainingConfig(batch_size=ROWS, gradient_accumulation=parts)
    optimizer = AdamW(config, model.trainable_variables, float16=False)
    step = TrainingStep(model, optimizer, config, jit_compile, num_shards)
    sums = step(_stack(parts))
    return (
        sums,
        [weight.numpy() for weight in model.trainable_variables],
        [np.array(seed) for seed in seed_states(model)],
    )


@pytest.mark.parametrize(
    ("family", "parts", "jit_compile"),
    [("transformer", 1, False), ("transformer", 2, True), ("lstm", 1, True), ("lstm", 2, False)],
)
def test_shards_change_nothing_but_the_order_of_sums(family, parts, jit_compile):
    (one, weights, _), (two, sharded, _) = (
        _trained(count, parts, jit_compile, family=family) for count in (1, 2)
    )
    np.testing.assert_allclose(two.nll, one.nll, rtol=1e-5)
    np.testing.assert_allclose(two.gradient_norm, one.gradient_norm, rtol=1e-4)
    for a, b in zip(weights, sharded, strict=True):
        np.testing.assert_allclose(b, a, atol=2e-4)


@pytest.mark.parametrize(("parts", "family"), [(1, "transformer"), (2, "lstm")])
def test_dropout_goes_on_from_step_to_step_in_shards_too(parts, family):
    first, second = (_trained(2, parts, family=family, dropout=0.5) for _ in range(2))
    other = _trained(1, parts, family=family, dropout=0.5)
    np.testing.assert_array_equal(first[0].nll, second[0].nll)
    assert first[2]
    for seed, as_many_draws in zip(first[2], other[2], strict=True):
        np.testing.assert_array_equal(seed, as_many_draws)


def test_each_shard_drops_other_units():
    """Two equal rows, one a shard, whose losses would be equal with one mask."""
    keras.utils.set_random_seed(0)
    model = causal_lm.build(
        ModelConfig(num_layers=1, hidden_dim=16, num_heads=2, dropout=0.5), VOCABULARY, LENGTH
    )
    config = TrainingConfig(batch_size=2)
    nll = []
    step = TrainingStep(model, AdamW(config, model.trainable_variables, False), config, False, 2)
    gradients = step._gradients
    step._gradients = lambda *given: nll.append(gradients(*given)[0]) or gradients(*given)
    row = tf.fill([1, 2, LENGTH + 1], 5)
    step._sharded_step(row, tf.ones([1, 2, LENGTH]), tf.constant(16.0), tf.constant(0.0))
    assert float(nll[0]) != float(nll[1])


def test_as_many_shards_as_cores_where_they_divide_the_rows(monkeypatch):
    monkeypatch.setattr(cores, "count", lambda: 4)
    assert [cores.num_shards(rows) for rows in (1, 4, 6, 7, 8, 12)] == [1, 4, 3, 1, 4, 4]
    monkeypatch.setattr(cores, "count", lambda: 64)
    assert cores.num_shards(64) == cores.MAX_SHARDS


def test_a_gpu_takes_all_rows_at_once(monkeypatch):
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind=None: ["GPU:0"])
    assert cores.num_shards(8) == 1


def test_the_cores_are_those_that_this_process_may_use():
    assert cores.count() == len(os.sched_getaffinity(0))
