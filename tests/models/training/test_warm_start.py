"""Weights that another training starts from."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from models import causal_lm
from models.config import ModelConfig
from models.errors import WarmStartError
from models.training import warm_start

TOKENS = tf.constant([[1, 5, 2, 7, 3, 3]])
SHAPES = {
    "gpt2": ModelConfig(num_layers=1, hidden_dim=16, num_heads=2),
    "llama": ModelConfig(style="llama", num_layers=1, hidden_dim=16, num_heads=2),
    "lstm": ModelConfig(family="lstm", num_layers=1, hidden_dim=16),
}


def _model(config, seed):
    keras.utils.set_random_seed(seed)
    return causal_lm.build(config, 12, 8)


@pytest.mark.parametrize("shape", SHAPES)
def test_a_model_that_starts_from_anothers_weights_computes_the_same(shape, tmp_path):
    trained, fresh = (_model(SHAPES[shape], seed) for seed in (1, 2))
    expected = causal_lm.logits(trained, TOKENS).numpy()
    assert not np.array_equal(causal_lm.logits(fresh, TOKENS).numpy(), expected)

    warm_start.write(trained, b"pieces", str(tmp_path / "state"))
    warm_start.load(fresh, str(tmp_path / "state"))

    np.testing.assert_array_equal(causal_lm.logits(fresh, TOKENS).numpy(), expected)
    assert warm_start.read_tokenizer(str(tmp_path / "state")) == b"pieces"


def test_weights_of_another_shape_or_that_are_gone_are_one_line(tmp_path):
    warm_start.write(_model(SHAPES["gpt2"], 1), b"", str(tmp_path / "state"))
    deeper = _model(ModelConfig(num_layers=2, hidden_dim=16, num_heads=2), 1)
    with pytest.raises(WarmStartError, match=r"/state: its weights are not those of a model of this shape"):
        warm_start.load(deeper, str(tmp_path / "state"))
    gone = r"^/nowhere: the weights to start from are gone: bring the folder back, or set training.warm_start"
    with pytest.raises(WarmStartError, match=gone):
        warm_start.load(deeper, "/nowhere")
    with pytest.raises(WarmStartError, match=gone):
        warm_start.read_tokenizer("/nowhere")
