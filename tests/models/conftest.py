"""Small models of both families, with weights large enough that no two logits are close."""

import keras
import pytest

from models import causal_lm
from models.config import ModelConfig
from models.tokenizer import GraphTokenizer

CONTEXT = 24
VOCABULARY = 320


@pytest.fixture(scope="session", params=["transformer", "lstm"])
def model(request: pytest.FixtureRequest) -> causal_lm.CausalLM:
    keras.utils.set_random_seed(1)
    config = ModelConfig(family=request.param, num_layers=2, hidden_dim=16, num_heads=2)
    built = causal_lm.build(config, VOCABULARY, CONTEXT)
    for variable in built.trainable_variables:
        if len(variable.shape) >= 2:
            variable.assign(variable * 6.0)
    return built


@pytest.fixture
def tokenizer(tokenizer_proto: bytes, model: causal_lm.CausalLM) -> GraphTokenizer:
    """Made after ``model``, which sets the seed."""
    return GraphTokenizer(tokenizer_proto)
