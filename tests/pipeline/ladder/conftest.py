"""A small ladder's configuration, and records of models that were never trained."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from components.rung_recorder.record import RungRecord, TaskScores
from pipeline.config import PipelineConfig, load

LADDER = """
name = "steps"
[corpus]
path = "data"
sources = [{ name = "text", pattern = "*.txt" }]
[packing]
sequence_length = 32
[model]
style = "llama"
num_heads = 2
[training]
num_steps = 100
batch_size = 8
[tasks]
evaluate = [{ task = "addition", reversed = true }]
[ladder]
require_prediction_within = 0.1
rungs = [
    { hidden_dim = 64, num_layers = 1 },
    { hidden_dim = 16, num_layers = 1 },
    { hidden_dim = 32, num_layers = 1, tokens = 51_200 },
    { hidden_dim = 128, num_layers = 1 },
    { family = "lstm", size = "10k", learning_rate = 0.01 },
]
"""


@pytest.fixture(scope="session")
def make_ladder_config() -> Callable[[Path], PipelineConfig]:
    """With its output below a folder."""

    def make(folder: Path) -> PipelineConfig:
        path = folder / "steps.toml"
        path.write_text(LADDER + f'[output]\nroot = "{folder}/build"\n', encoding="utf-8")
        return load(str(path))

    return make


@pytest.fixture
def ladder_config(make_ladder_config, tmp_path: Path) -> PipelineConfig:
    return make_ladder_config(tmp_path)


@pytest.fixture(scope="session")
def make_record() -> Callable[..., RungRecord]:
    """A record by name, compute, loss and the share of its 100 items that are right."""

    def make(
        name: str, compute: float, loss: float, right: float, *, family: str = "transformer", seed: int = 0,
        began: str = "2026-01-02T00:00:00+00:00", task: str = "addition",
    ) -> RungRecord:  # fmt: skip
        sharp = tuple(float(index < 100 * right) for index in range(100))
        scores = TaskScores(
            label=task, chance=0.0, sharp_metric="exact_match", smooth_metric="token_accuracy",
            items=tuple(map(str, range(100))), target_tokens=(4,) * 100, sharp=sharp, smooth=sharp,
            log_probability=right - 1.0, metrics={"exact_match": right},
        )  # fmt: skip
        return RungRecord(
            name=name, family=family, seed=seed, num_parameters=1000, num_tokens=int(compute / 6000),
            compute=compute, loss=loss, bits_per_byte=loss, training_seconds=2.0, recorded_at=began,
            training_began_at=began, weights_sha256=f"{family}{name}{seed}", tasks=(scores,),
        )  # fmt: skip

    return make
