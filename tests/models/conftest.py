"""Small models of every family and style, with weights large enough that no two logits are close."""

import keras
import pytest

from models import causal_lm
from models.config import ModelConfig
from models.tokenizer import GraphTokenizer

CONTEXT = 24
VOCABULARY = 320


CONFIGS = {
    "gpt2": ModelConfig(num_layers=2, hidden_dim=16, num_heads=2),
    "gpt2-untied": ModelConfig(num_layers=1, hidden_dim=16, num_heads=2, tied_embeddings=False),
    "llama": ModelConfig(style="llama", num_layers=2, hidden_dim=16, num_heads=4, num_key_value_heads=2),
    "lstm": ModelConfig(family="lstm", num_layers=2, hidden_dim=16),
    "lstm-projected": ModelConfig(family="lstm", num_layers=2, hidden_dim=24, embedding_dim=16),
}


@pytest.fixture(scope="session", params=CONFIGS)
def model(request: pytest.FixtureRequest) -> causal_lm.CausalLM:
    keras.utils.set_random_seed(1)
    built = causal_lm.build(CONFIGS[request.param], VOCABULARY, CONTEXT)
    for variable in built.trainable_variables:
        if len(variable.shape) >= 2:
            variable.assign(variable * 6.0)
    return built


@pytest.fixture
def tokenizer(tokenizer_proto: bytes, model: causal_lm.CausalLM) -> GraphTokenizer:
    """Made after ``model``, which sets the seed."""
    return GraphTokenizer(tokenizer_proto)
