"""Small models, exported as the trainer does, with weights large enough that no two logits are close."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from models.config import ModelConfig, TrainingConfig

CONTEXT = 64
CONFIGS = {
    "gpt2": ModelConfig(num_layers=2, hidden_dim=16, num_heads=2),
    "lstm": ModelConfig(family="lstm", num_layers=2, hidden_dim=16),
}


class Exported(NamedTuple):
    """A model in memory and on disk."""

    model: Any
    folder: str


def export_model(config: ModelConfig, tokenizer_proto: bytes, folder: Path) -> Exported:
    import keras

    from models import causal_lm, export, manifest
    from models.tokenizer import GraphTokenizer

    keras.utils.set_random_seed(1)
    model = causal_lm.build(config, 320, CONTEXT)
    for variable in model.trainable_variables:
        if len(variable.shape) >= 2:
            variable.assign(variable * 6.0)
    export.export(model, GraphTokenizer(tokenizer_proto), str(folder))
    content = manifest.Manifest(
        model=config,
        training=TrainingConfig(num_steps=7),
        num_parameters=model.count_params(),
        vocabulary_size=320,
        context_length=CONTEXT,
        tokenizer_sha256=hashlib.sha256(tokenizer_proto).hexdigest(),
        weights_sha256=manifest.weights_sha256(str(folder)),
        validation_bits_per_byte=8.0,
        training_tokens=1000,
        training_seconds=1.0,
    )
    manifest.write(str(folder), content)
    return Exported(model, str(folder))


@pytest.fixture(scope="session")
def exported_models(
    tokenizer_proto: bytes, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], Exported]:
    """By name; each is made once."""

    @functools.cache
    def get(name: str) -> Exported:
        folder = tmp_path_factory.mktemp(name) / "Format-Serving"
        return export_model(CONFIGS[name], tokenizer_proto, folder)

    return get


@pytest.fixture(scope="session", params=CONFIGS)
def exported(request: pytest.FixtureRequest, exported_models: Callable[[str], Exported]) -> Exported:
    return exported_models(request.param)


@pytest.fixture(scope="session")
def saved_model(exported_models: Callable[[str], Exported]) -> str:
    """A Transformer's folder."""
    return exported_models("gpt2").folder
