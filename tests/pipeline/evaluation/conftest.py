"""One small exported model, and documents of known language and length to evaluate it on."""

import keras
import pytest

from models import causal_lm, export
from models.config import ModelConfig
from models.tokenizer import GraphTokenizer
from models.tokenizing import reading
from pipeline.evaluation import row_scores

CONTEXT = 24


@pytest.fixture(scope="session")
def text_tokenizer(tokenizer_proto):
    return reading.read(tokenizer_proto)


@pytest.fixture(scope="session")
def saved_model(tokenizer_proto, tmp_path_factory):
    """The folder of an untrained LSTM's SavedModel."""
    keras.utils.set_random_seed(4)
    tokenizer = GraphTokenizer(tokenizer_proto)
    config = ModelConfig(family="lstm", num_layers=1, hidden_dim=16)
    model = causal_lm.build(config, tokenizer.vocabulary_size(), CONTEXT)
    for variable in model.trainable_variables:
        if len(variable.shape) >= 2:
            variable.assign(variable * 6.0)
    directory = str(tmp_path_factory.mktemp("model"))
    export.export(model, tokenizer, directory)
    return directory


@pytest.fixture(scope="session")
def loaded(saved_model):
    return row_scores.load(saved_model)
