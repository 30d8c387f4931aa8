import keras
import numpy as np
import pytest
import tensorflow as tf
from pydantic import ValidationError

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


KINDS = [{"style": "gpt2"}, {"style": "llama"}, {"family": "lstm"}, {"family": "lstm", "embedding_dim": 8}]


def _build(vocabulary=300, context=8, **values):
    config = ModelConfig(**{"num_layers": 1, "hidden_dim": 16, "num_heads": 2, **values})
    return causal_lm.build(config, vocabulary, context)


@pytest.mark.parametrize("kind", KINDS, ids=str)
@pytest.mark.parametrize(("tied", "tables"), [(True, 1), (False, 2)])
def test_input_and_output_share_the_embedding_or_do_not(kind, tied, tables):
    small, large = (_build(size, tied_embeddings=tied, **kind) for size in (300, 400))
    width = kind.get("embedding_dim", 16)
    assert large.count_params() - small.count_params() == tables * 100 * width


@pytest.mark.parametrize(
    "kind", [*KINDS, {"family": "lstm", "dropout": 0.0, "recurrent_dropout": 0.5}], ids=str
)
def test_dropout_is_for_training_alone(kind):
    keras.utils.set_random_seed(0)
    model, ids = _build(**{"dropout": 0.5, **kind}), _ids((1, 8)) % 300
    for variable in model.trainable_variables:
        variable.assign_add(tf.random.stateless_normal(variable.shape, [1, 2]) * 0.3)
    plain = causal_lm.logits(model, ids).numpy()
    np.testing.assert_array_equal(causal_lm.logits(model, ids), plain)
    first, second = (causal_lm.logits(model, ids, training=True).numpy() for _ in range(2))
    assert np.abs(first - second).max() > 1e-2
    assert np.abs(first - plain).max() > 1e-2


def test_query_heads_that_share_keys_need_a_smaller_cache():
    grouped = _build(style="llama", num_heads=4, num_key_value_heads=2)
    single = _build(style="llama", num_heads=4)
    assert grouped.decoder().empty_cache(1, 8).shape == (1, 2, 2, 1, 8, 4)
    assert single.decoder().empty_cache(1, 8).shape == (1, 2, 4, 1, 8, 4)


def test_rotary_positions_see_distance_alone():
    """Attention to a token depends on how far back it stands: with one token everywhere, every
    position gives the same logits, which learned positions do not."""
    ids = tf.fill([1, 8], 7)
    rotary, learned = (causal_lm.logits(_build(style=style), ids).numpy()[0] for style in ("llama", "gpt2"))
    np.testing.assert_allclose(rotary, np.broadcast_to(rotary[:1], rotary.shape), atol=1e-5)
    assert np.abs(learned - learned[:1]).max() > 1e-3


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"style": "llama", "num_heads": 4, "num_key_value_heads": 3}, "does not divide num_heads = 4"),
        ({"style": "llama", "hidden_dim": 12, "num_heads": 4}, "an even width of a head"),
        ({"style": "llama", "family": "lstm"}, 'style = "llama" is of family = "transformer"'),
        ({"num_key_value_heads": 2}, 'num_key_value_heads is of style = "llama"'),
        ({"embedding_dim": 8}, 'embedding_dim is of family = "lstm"'),
        ({"recurrent_dropout": 0.1}, 'recurrent_dropout is of family = "lstm"'),
    ],
)
def test_a_field_of_another_family_is_refused_in_words(values, message):
    with pytest.raises(ValidationError, match=message):
        ModelConfig(**values)


@pytest.mark.parametrize("embedding_dim", [None, 8])
def test_an_lstm_backbone_is_rebuilt_from_its_configuration(embedding_dim):
    from models.networks.lstm import LSTMBackbone

    backbone = LSTMBackbone(
        300, num_layers=2, hidden_dim=16, embedding_dim=embedding_dim, dropout=0.1, recurrent_dropout=0.2,
        tied_embeddings=False, max_sequence_length=9,
    )  # fmt: skip
    again = LSTMBackbone.from_config(backbone.get_config())
    assert again.get_config() == backbone.get_config()
    assert [v.shape for v in again.weights] == [v.shape for v in backbone.weights]
