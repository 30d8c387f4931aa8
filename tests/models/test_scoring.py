import numpy as np
import pytest
import tensorflow as tf

from models import causal_lm
from models.features import PAD_ID
from models.scoring import token_nll

IDS = np.random.default_rng(0).integers(3, 320, (2, 11)).astype(np.int32)
COUNTS = np.array([[0, 0, 0, 1, 1, 1, 1, 0, 0, 0], [0, 1, 1, 1, 0, 0, 0, 0, 1, 1]], np.float32)


def _gradients(model, loss):
    with tf.GradientTape() as tape:
        value = loss()
    gradients = tape.gradient(value, model.trainable_variables)
    return [tf.convert_to_tensor(gradient).numpy() for gradient in gradients]


def test_nll_is_that_of_the_softmax_where_it_counts_and_zero_elsewhere(model):
    nll = token_nll(model, tf.constant(IDS), tf.constant(COUNTS)).numpy()

    log_probabilities = tf.nn.log_softmax(causal_lm.logits(model, tf.constant(IDS[:, :-1]))).numpy()
    expected = -np.take_along_axis(log_probabilities, IDS[:, 1:, None], axis=2)[:, :, 0]
    np.testing.assert_allclose(nll, expected * COUNTS, rtol=1e-4, atol=1e-5)


def test_the_gradient_does_not_depend_on_a_prompts_target_tokens(model):
    """The reference reads the same inputs and never looks at a prompt's tokens as targets."""

    def reference():
        log_probabilities = tf.nn.log_softmax(causal_lm.logits(model, tf.constant(IDS[:, :-1])))
        where = np.argwhere(COUNTS)
        targets = IDS[:, 1:][COUNTS > 0]
        return -tf.reduce_sum(tf.gather_nd(log_probabilities, np.c_[where, targets]))

    found = _gradients(
        model, lambda: tf.reduce_sum(token_nll(model, tf.constant(IDS), tf.constant(COUNTS), training=True))
    )

    for gradient, expected in zip(found, _gradients(model, reference), strict=True):
        np.testing.assert_allclose(gradient, expected, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize(("weight", "differs"), [(0.0, False), (1.0, True)])
def test_a_last_target_matters_only_when_it_counts(model, weight, differs):
    """A row's last token is a target and no input, so nothing else changes with it."""
    changed = IDS.copy()
    changed[:, -1] = (changed[:, -1] + 1) % 300 + 3
    weights = np.ones_like(COUNTS)
    weights[:, -1] = weight

    before, after = (
        _gradients(model, lambda ids=ids: tf.reduce_sum(token_nll(model, tf.constant(ids), weights)))
        for ids in (IDS, changed)
    )

    same = [np.array_equal(one, other) for one, other in zip(before, after, strict=True)]
    assert all(same) != differs


def test_whether_a_target_counts_is_not_read_off_its_id(model):
    ids = np.full((1, 5), PAD_ID, np.int32)

    assert (token_nll(model, tf.constant(ids), tf.ones([1, 4])).numpy() > 0).all()
