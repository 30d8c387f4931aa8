import numpy as np
import pytest
import tensorflow as tf

from models import causal_lm
from models.config import ModelConfig


def _ids(shape, seed=0):
    return tf.constant(np.random.default_rng(seed).integers(3, 320, shape), tf.int32)


def test_changing_a_token_changes_no_logit_before_it(model):
    ids = _ids((2, 12))
    changed = tf.tensor_scatter_nd_update(ids, [[0, 7]], [(ids[0, 7] + 1) % 300 + 3])
    before, after = causal_lm.logits(model, ids).numpy(), causal_lm.logits(model, changed).numpy()
    np.testing.assert_array_equal(before[:, :7], after[:, :7])
    np.testing.assert_array_equal(before[1], after[1])
    assert np.abs(before[0, 7:] - after[0, 7:]).max() > 1e-3


def test_cached_logits_are_the_uncached_ones(model):
    ids = _ids((3, 10))
    expected = causal_lm.logits(model, ids).numpy()
    cache = model.empty_cache(3, 10)
    first, _, cache = model.call_with_cache(ids[:, :4], cache, 0)
    pieces = [first]
    for index in range(4, 10):
        logits, _, cache = model.call_with_cache(ids[:, index : index + 1], cache, index)
        pieces.append(logits)
    np.testing.assert_allclose(np.concatenate(pieces, axis=1), expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("family", ["transformer", "lstm"])
def test_input_and_output_share_the_embedding(family):
    small, large = (
        causal_lm.build(ModelConfig(family=family, num_layers=1, hidden_dim=16, num_heads=2), size, 8)
        for size in (300, 400)
    )
    assert large.count_params() - small.count_params() == 100 * 16


def test_an_lstm_backbone_is_rebuilt_from_its_configuration():
    from models.lstm import LSTMBackbone

    backbone = LSTMBackbone(300, num_layers=2, hidden_dim=16, dropout=0.1, max_sequence_length=9)
    again = LSTMBackbone.from_config(backbone.get_config())
    assert again.get_config() == backbone.get_config()
    assert [v.shape for v in again.weights] == [v.shape for v in backbone.weights]
