"""The Trainer's executor around a training that fails; training itself is tested below ``tests/models``."""

from pathlib import Path

import pytest
from tfx.components.trainer import executor
from tfx.types import standard_artifacts

from components.trainer.component import Executor
from components.trainer.run import checkpoint_directory
from components.trainer.settings import TrainerSettings
from models.config import ModelConfig, TrainingConfig


@pytest.fixture
def outputs(tmp_path):
    model_run = standard_artifacts.ModelRun()
    model_run.uri = str(tmp_path / "Trainer" / "model_run" / "7")
    (tmp_path / "Trainer" / "model_run" / "7").mkdir(parents=True)
    return {"model_run": [model_run]}


def _training(monkeypatch, outputs, error=None):
    def do(self, inputs, outputs, properties):
        Path(outputs["model_run"][0].uri, "events.out.tfevents.1").write_text("curves")
        if error:
            raise error

    monkeypatch.setattr(executor.GenericExecutor, "Do", do)
    Executor().Do({}, outputs, {})


def test_the_curves_of_a_training_that_fails_are_kept_beside_what_tfx_removes(tmp_path, monkeypatch, outputs):
    with pytest.raises(ValueError, match="diverged"):
        _training(monkeypatch, outputs, ValueError("diverged"))
    kept = tmp_path / "Trainer" / "failed_run" / "7" / "events.out.tfevents.1"
    assert kept.read_text() == "curves"


def test_a_training_that_ends_well_leaves_its_curves_in_one_place(tmp_path, monkeypatch, outputs):
    _training(monkeypatch, outputs)
    assert [path.name for path in (tmp_path / "Trainer").iterdir()] == ["model_run"]


@pytest.mark.parametrize(
    ("values", "shared"),
    [
        ({"schedule": "constant", "warmup_fraction": 0.0}, True),
        ({"schedule": "constant"}, False),
        ({"warmup_fraction": 0.0}, False),
    ],
)
def test_trainings_of_two_lengths_share_their_checkpoints_only_where_one_is_the_others_beginning(
    tmp_path, values, shared
):
    def folder(**training):
        settings = TrainerSettings(
            model=ModelConfig(), training=TrainingConfig(**values, **training), sequence_length=8
        )
        return checkpoint_directory(str(tmp_path), settings, b"tokenizer", [])

    assert (folder(num_steps=10) == folder(num_steps=20)) == shared
    assert folder(num_steps=10) != folder(num_steps=10, learning_rate=0.5)
