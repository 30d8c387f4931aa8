import keras
import numpy as np
import pytest
import tensorflow as tf

from models import causal_lm
from models.config import ModelConfig, TrainingConfig
from models.training.optimizer import INITIAL_LOSS_SCALE, LOSS_SCALE_GROWTH_STEPS, AdamW, is_decayed


@pytest.mark.parametrize("kind", [{"style": "gpt2"}, {"style": "llama"}, {"family": "lstm"}], ids=str)
def test_only_matrices_decay(kind):
    model = causal_lm.build(ModelConfig(**kind, num_layers=1, hidden_dim=16, num_heads=2), 300, 8)
    decayed, kept = set(), set()
    for variable in model.trainable_variables:
        (decayed if is_decayed(variable) else kept).add(variable.path.rsplit("/", 1)[-1])
    assert decayed <= {"embeddings", "kernel", "recurrent_kernel"}
    assert kept <= {"bias", "gamma", "beta", "scale"}
    assert decayed
    assert kept


def _variables():
    rng = np.random.default_rng(0)
    return (
        keras.Variable(rng.normal(size=(3, 4)), dtype="float32", name="kernel"),
        keras.Variable(rng.normal(size=(4,)), dtype="float32", name="bias"),
    )


def test_weight_decay_alone_shrinks_a_matrix_and_leaves_a_bias():
    matrix, bias = keras.Variable([[1.0, 1.0]], name="kernel"), keras.Variable([1.0, 1.0], name="bias")
    optimizer = AdamW(TrainingConfig(weight_decay=0.5), [matrix, bias], float16=False)
    optimizer.apply([tf.zeros((1, 2)), tf.zeros((2,))], tf.constant(0.1))
    assert matrix.numpy().tolist() == [[pytest.approx(0.95)] * 2]
    assert bias.numpy().tolist() == [1.0, 1.0]


@pytest.mark.parametrize("gradient_size", [0.01, 10.0])
def test_it_computes_what_kerass_adamw_computes(gradient_size):
    ours, theirs = _variables(), _variables()
    config = TrainingConfig(weight_decay=0.1, beta_1=0.8, beta_2=0.9, clip_norm=1.0)
    optimizer = AdamW(config, ours, float16=False)
    reference = keras.optimizers.AdamW(
        0.01, weight_decay=0.1, beta_1=0.8, beta_2=0.9, epsilon=1e-8, global_clipnorm=1.0
    )
    reference.exclude_from_weight_decay(var_list=[theirs[1]])
    reference.build(theirs)
    rng = np.random.default_rng(1)
    for _ in range(5):
        gradients = [tf.constant(gradient_size * rng.normal(size=v.shape), tf.float32) for v in ours]
        norm = optimizer.apply(gradients, tf.constant(0.01))
        reference.apply(gradients, theirs)
        assert float(norm) == pytest.approx(float(tf.linalg.global_norm(gradients)), rel=1e-6)
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=1e-5, atol=1e-7)


def test_a_float16_overflow_changes_nothing_but_halves_the_scale():
    variables = _variables()
    before = [variable.numpy() for variable in variables]
    optimizer = AdamW(TrainingConfig(), variables, float16=True)
    optimizer.apply([tf.fill((3, 4), np.inf), tf.zeros((4,))], tf.constant(0.1))
    for variable, value in zip(variables, before, strict=True):
        np.testing.assert_array_equal(variable.numpy(), value)
    assert float(optimizer.loss_scale) == INITIAL_LOSS_SCALE / 2
    assert int(optimizer.updates) == 0


def test_the_scale_doubles_after_enough_finite_steps_and_does_not_change_the_update():
    plain, scaled = _variables(), _variables()
    config = TrainingConfig()
    reference, optimizer = AdamW(config, plain, float16=False), AdamW(config, scaled, float16=True)
    optimizer._finite_steps.assign(LOSS_SCALE_GROWTH_STEPS - 1)
    gradients = [tf.ones((3, 4)), tf.ones((4,))]
    reference.apply(gradients, tf.constant(0.1))
    optimizer.apply([gradient * INITIAL_LOSS_SCALE for gradient in gradients], tf.constant(0.1))
    for a, b in zip(plain, scaled, strict=True):
        np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=1e-6)
    assert float(optimizer.loss_scale) == INITIAL_LOSS_SCALE * 2
