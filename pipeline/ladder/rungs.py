"""From a configuration with a ladder to the configuration of each of its rungs.

A rung is the pipeline's own configuration with some fields of the model and of training replaced, so that its
data stages are those of every other rung, and come from the cache.
"""

from __future__ import annotations

import dataclasses
from typing import Any

from models.config import ModelConfig, TrainingConfig
from models.networks import sizes
from models.networks.counts import count
from pipeline.config import PipelineConfig
from pipeline.errors import ConfigError
from pipeline.ladder.settings import LadderConfig, RungConfig

_TRANSFORMERS_ONLY = ("style", "num_key_value_heads", "intermediate_dim")
_LSTMS_ONLY = ("embedding_dim", "recurrent_dropout")


@dataclasses.dataclass(frozen=True)
class Rung:
    """One model to train."""

    name: str
    """Of the size, shared by its seeds."""
    config: PipelineConfig
    """As of an ordinary run."""
    num_parameters: int
    """Outside the embeddings: N."""

    @property
    def family(self) -> str:
        return self.config.model.family

    @property
    def seed(self) -> int:
        return self.config.training.seed

    @property
    def num_tokens(self) -> int:
        """D: every position that is computed, those of prompts included."""
        training = self.config.training
        return training.num_steps * training.batch_size * self.config.packing.sequence_length

    @property
    def compute(self) -> float:
        """C = 6ND, in FLOPs."""
        return 6.0 * self.num_parameters * self.num_tokens

    @property
    def label(self) -> str:
        return f"{self.family} {self.name}, seed {self.seed}"


def rungs(config: PipelineConfig) -> list[Rung]:
    """Every rung with every seed: the least compute first.

    Raises:
      ConfigError: there are none, two are alike, or one is against a rule.
    """
    ladder = config.ladder
    if not ladder.rungs:
        raise ConfigError(
            f"{config.name}: no rungs: list them in [ladder], as pipeline/configs/emergence.toml does"
        )
    if config.training.early_stopping:
        raise ConfigError("training.early_stopping: every rung of a ladder makes all its steps: set it to 0")
    found = [_rung(config, each, seed) for each in ladder.rungs for seed in ladder.seeds]
    names = [(rung.family, rung.name, rung.seed) for rung in found]
    for rung in found:
        if names.count((rung.family, rung.name, rung.seed)) > 1:
            raise ConfigError(f"ladder.rungs: two are called {rung.family} {rung.name!r}: give them names")
    return sorted(found, key=lambda rung: (rung.compute, rung.family, rung.seed))


def largest(found: list[Rung]) -> dict[str, str]:
    """Family -> the name of its rung with the most compute."""
    return {rung.family: rung.name for rung in found}


def _rung(config: PipelineConfig, rung: RungConfig, seed: int) -> Rung:
    try:
        model = ModelConfig.model_validate(_model(config.model.model_dump(), rung))
        training = {**config.training.model_dump(), **_training(config, rung), "seed": seed}
        replaced = {
            "model": model,
            "training": TrainingConfig.model_validate(training),
            "ladder": LadderConfig(),
        }
    except ValueError as error:
        raise ConfigError(f"ladder.rungs: {_name(rung, '')}: {error}") from error
    of_rung = config.model_copy(update=replaced)
    # The vocabulary is of the tables, which do not count.
    parameters = count(of_rung.model, 1, config.packing.sequence_length).non_embedding_parameters
    shape = of_rung.model
    return Rung(_name(rung, f"{shape.num_layers}x{shape.hidden_dim}"), of_rung, parameters)


def _model(base: dict[str, Any], rung: RungConfig) -> dict[str, Any]:
    foreign = _TRANSFORMERS_ONLY if rung.family == "lstm" else _LSTMS_ONLY
    dropped = {*foreign, "size", *(sizes.SHAPE_FIELDS if rung.size else ())}
    given = {
        name: getattr(rung, name) for name in ("size", *sizes.SHAPE_FIELDS) if getattr(rung, name) is not None
    }
    kept = {name: value for name, value in base.items() if name not in dropped}
    return {**kept, "family": rung.family, **given}


def _training(config: PipelineConfig, rung: RungConfig) -> dict[str, Any]:
    given = {
        name: getattr(rung, name)
        for name in ("num_steps", "batch_size", "learning_rate")
        if getattr(rung, name) is not None
    }
    if rung.tokens is not None:
        per_step = (rung.batch_size or config.training.batch_size) * config.packing.sequence_length
        given["num_steps"] = max(1, round(rung.tokens / per_step))
    return given


def _name(rung: RungConfig, shape: str) -> str:
    return rung.name or rung.size or shape
