"""Which pushed model training starts from, and whether it fits."""

import pytest
from tfx.types import standard_artifacts

from components import model_store, warm_start
from components.artifacts import Tokenizer
from components.config import TokenizerConfig, WarmStart
from components.tokenizer_trainer import component as tokenizer_trainer
from components.tokenizer_trainer.settings import TokenizerTrainerSettings
from models import manifest
from models.config import ModelConfig, TrainingConfig
from models.errors import WarmStartError


def _manifest(weights, **values):
    return manifest.Manifest(
        model=ModelConfig(), training=TrainingConfig(), num_parameters=1, vocabulary_size=400,
        context_length=8, weights_sha256=weights, validation_bits_per_byte=2.0, training_tokens=1,
        training_seconds=1.0, **{"tokenizer_sha256": "t", "training_state": "/state", **values},
    )  # fmt: skip


@pytest.fixture
def push(tmp_path):
    (tmp_path / "saved").mkdir()
    (tmp_path / "saved" / "saved_model.pb").write_bytes(b"graph")

    def add(weights, **values):
        return model_store.push(
            str(tmp_path / "saved"), str(tmp_path / "served"), _manifest(weights, **values)
        )

    return add


@pytest.fixture
def base_path(tmp_path):
    return str(tmp_path / "served")


def test_training_starts_from_the_newest_version_as_it_was_when_the_run_began(push, base_path):
    push("a")
    push("b")
    begun = warm_start.latest(base_path)
    push("c")
    assert (begun.version, begun.weights_sha256, begun.tokenizer_sha256) == (2, "b", "t")
    version, found = warm_start.resolve(begun)
    assert (version, found.weights_sha256) == (2, "b")
    assert warm_start.resolve(WarmStart(base_path=base_path))[0] == 3


def test_with_nothing_pushed_training_starts_at_random(base_path):
    assert warm_start.latest(base_path).version == warm_start.NOTHING
    assert warm_start.resolve(warm_start.latest(base_path)) is None
    assert warm_start.resolve(WarmStart(base_path=base_path)) is None


def test_a_newer_version_with_the_same_tokenizer_leaves_the_tokenizers_cache_key_alone(push, base_path):
    push("a")
    before = warm_start.latest(base_path).of_tokenizer
    push("b")
    after = warm_start.latest(base_path).of_tokenizer
    assert before == after
    push("c", tokenizer_sha256="other")
    assert warm_start.latest(base_path).of_tokenizer != before
    assert warm_start.resolve(before)[0] == 2


def test_a_version_that_is_gone_or_kept_no_weights_is_one_line(push, base_path):
    push("a", training_state=None)
    with pytest.raises(
        WarmStartError, match=r"^version 1 in .*: an earlier version of Lexmill trained it, and"
    ):
        warm_start.resolve(warm_start.latest(base_path))
    with pytest.raises(WarmStartError, match=r"the version to start from is gone: run again"):
        warm_start.resolve(WarmStart(base_path=base_path, version=7))


def test_another_shape_context_or_vocabulary_is_told_by_its_fields():
    found = _manifest("a")
    warm_start.require_same_shape(3, found, ModelConfig(dropout=0.1), 8)
    line = (
        r'^training.warm_start = "latest": version 3 has another shape: model.num_layers = 5 \(there 2\), '
        r"packing.sequence_length = 16 \(there 8\): make them the same, or set"
    )
    with pytest.raises(WarmStartError, match=line):
        warm_start.require_same_shape(3, found, ModelConfig(num_layers=5), 16)
    with pytest.raises(
        WarmStartError, match=r"a vocabulary of 400, and tokenizer.vocabulary_size = 4,096: make"
    ):
        warm_start.require_same_vocabulary(3, found, TokenizerConfig(vocabulary_size=4096))
    warm_start.require_same_vocabulary(3, found, TokenizerConfig(algorithm="characters"))


def test_the_tokenizer_is_the_pushed_models(push, base_path, tmp_path, exec_properties):
    state = tmp_path / "state"
    state.mkdir()
    (state / "tokenizer.model").write_bytes(b"its pieces")
    push("a", training_state=str(state))
    examples, tokenizer = standard_artifacts.Examples(), Tokenizer()
    tokenizer.uri = str(tmp_path / "tokenizer")
    settings = TokenizerTrainerSettings(
        tokenizer=TokenizerConfig(vocabulary_size=400), warm_start=warm_start.latest(base_path).of_tokenizer
    )
    stage = tokenizer_trainer.TokenizerTrainer(_channel(examples), settings)
    tokenizer_trainer.Executor().Do(
        {"examples": [examples]}, {"tokenizer": [tokenizer]}, exec_properties(stage)
    )
    assert (tmp_path / "tokenizer" / "tokenizer.model").read_bytes() == b"its pieces"


def _channel(artifact):
    from tfx import types

    return types.Channel(type=type(artifact)).set_artifacts([artifact])
