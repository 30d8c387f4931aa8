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
        # The vocabulary is of the tables, which do not count.
        parameters = count(model, 1, config.packing.sequence_length).non_embedding_parameters
        training = {**config.training.model_dump(), **_training(config, rung, parameters), "seed": seed}
        replaced = {
            "model": model,
            "training": TrainingConfig.model_validate(training),
            "ladder": LadderConfig(),
        }
    except ValueError as error:
        raise ConfigError(f"ladder.rungs: {_name(rung, '')}: {error}") from error
    name = _name(rung, f"{model.num_layers}x{model.hidden_dim}")
    return Rung(name, config.model_copy(update=replaced), parameters)


def _model(base: dict[str, Any], rung: RungConfig) -> dict[str, Any]:
    foreign = _TRANSFORMERS_ONLY if rung.family == "lstm" else _LSTMS_ONLY
    dropped = {*foreign, "size", *(sizes.SHAPE_FIELDS if rung.size else ())}
    given = {
        name: getattr(rung, name) for name in ("size", *sizes.SHAPE_FIELDS) if getattr(rung, name) is not None
    }
    kept = {name: value for name, value in base.items() if name not in dropped}
    return {**kept, "family": rung.family, **given}


def _training(config: PipelineConfig, rung: RungConfig, num_parameters: int) -> dict[str, Any]:
    given = {
        name: getattr(rung, name)
        for name in ("num_steps", "batch_size", "learning_rate")
        if getattr(rung, name) is not None
    }
    tokens, ratio = rung.tokens, config.ladder.tokens_per_parameter
    if tokens is None and rung.num_steps is None and ratio is not None:
        tokens = round(ratio * num_parameters)
    if tokens is not None:
        per_step = (rung.batch_size or config.training.batch_size) * config.packing.sequence_length
        given["num_steps"] = max(1, round(tokens / per_step))
    return given


def _name(rung: RungConfig, shape: str) -> str:
    return rung.name or rung.size or shape
