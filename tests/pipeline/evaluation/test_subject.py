"""Folders of versions with manifests, and no run: finding a model needs neither weights nor metadata."""

import pytest

from models import manifest
from models.config import ModelConfig, TrainingConfig
from models.manifest import Manifest
from pipeline.errors import ConfigError, MissingInputError
from pipeline.evaluation import subject


def _manifest(weights):
    return Manifest(
        model=ModelConfig(), training=TrainingConfig(), num_parameters=1, vocabulary_size=10,
        context_length=8, tokenizer_sha256="t", weights_sha256=weights, validation_bits_per_byte=1.0,
        training_tokens=1, training_seconds=1.0,
    )  # fmt: skip


@pytest.fixture
def overrides(tmp_path):
    """Versions 1, 2 and 4 of the sample ``tiny``; 2 and 4 hold the same weights."""
    for version, weights in ((1, "a"), (2, "b"), (4, "b")):
        folder = tmp_path / "served" / "tiny" / str(version)
        folder.mkdir(parents=True)
        manifest.write(str(folder), _manifest(weights))
        (folder / "saved_model.pb").touch()
    return [f"output.root={tmp_path}/build", f"output.serving_dir={tmp_path}/served"]


def test_a_configurations_name_is_its_version_pushed_last_and_the_previous_is_another_model(overrides):
    found = subject.resolve("tiny", None, overrides)
    assert found.model.label == "tiny@4"
    assert found.previous is not None
    assert found.previous.label == "tiny@1"
    assert found.data() is None


def test_a_version_is_named_after_an_at_sign_and_the_first_has_no_previous_one(overrides):
    assert subject.resolve("tiny@2", None, overrides).model.path.endswith("/tiny/2")
    assert subject.resolve("tiny@1", None, overrides).previous is None


def test_a_folder_is_a_model_or_holds_versions(overrides, tmp_path):
    served = tmp_path / "served" / "tiny"
    assert subject.resolve(str(served / "2"), None, overrides).model.label == "tiny@2"
    assert subject.resolve(str(served), None, overrides).model.label == "tiny@4"


def test_a_folder_of_an_unknown_name_needs_its_configuration(overrides, tmp_path):
    (tmp_path / "served" / "tiny").rename(tmp_path / "mine")
    with pytest.raises(MissingInputError, match="name the configuration with --config"):
        subject.resolve(str(tmp_path / "mine" / "2"), None, overrides)
    found = subject.resolve(str(tmp_path / "mine" / "2"), "tiny", overrides)
    assert found.config.name == "tiny"


@pytest.mark.parametrize(
    ("name", "error", "message"),
    [
        ("tiny@3", MissingInputError, "tiny@3: no such version: there are 4, 2, 1 in "),
        ("20260131-235959-123", MissingInputError, "'shakespeare' has no runs yet"),
        ("sanguo", MissingInputError, "no pushed model of 'sanguo' is here: run 'lexmill run sanguo' first"),
        ("nothing", ConfigError, "nothing: no such configuration file"),
    ],
)
def test_what_is_not_there_is_told_with_what_is(overrides, name, error, message):
    with pytest.raises(error, match=message):
        subject.resolve(name, None, overrides)


def test_a_folder_without_a_model_is_refused(overrides, tmp_path):
    with pytest.raises(MissingInputError, match="this folder does not hold a model that Lexmill exported"):
        subject.resolve(str(tmp_path), "tiny", overrides)
