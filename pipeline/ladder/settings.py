"""Settings of a ladder: which models, how long each is trained, and what is asked of the prediction."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from models.config import Settings, Size


class RungConfig(Settings):
    """One size of one family; what is left out is the configuration's."""

    name: str = Field(default="", max_length=40, pattern=r"^[A-Za-z0-9 ._-]*$")
    """In the report. When left out: its size, or layers x width."""
    family: Literal["transformer", "lstm"] = "transformer"
    """Rungs of one family make one curve; families are drawn side by side."""
    size: Size | None = None
    """As ``model.size``."""
    num_layers: int | None = Field(default=None, ge=1)
    """As ``model.num_layers``."""
    hidden_dim: int | None = Field(default=None, ge=8)
    """As ``model.hidden_dim``."""
    num_heads: int | None = Field(default=None, ge=1)
    """As ``model.num_heads``."""
    num_steps: int | None = Field(default=None, ge=1)
    """As ``training.num_steps``."""
    tokens: int | None = Field(default=None, ge=1)
    """Instead of ``num_steps``: positions to train on, those of prompts included. With neither: by
    ``ladder.tokens_per_parameter``."""
    batch_size: int | None = Field(default=None, ge=1)
    """As ``training.batch_size``."""
    learning_rate: float | None = Field(default=None, gt=0.0, le=1.0)
    """As ``training.learning_rate``."""

    @model_validator(mode="after")
    def _length_is_told_once(self) -> RungConfig:
        if self.tokens is not None and self.num_steps is not None:
            raise ValueError("tokens and num_steps exclude each other: leave one out")
        return self


class LadderConfig(Settings):
    """Several models on the same data: ``lexmill ladder``."""

    rungs: tuple[RungConfig, ...] = ()
    """In any order; they are trained from the least compute to the most."""
    seeds: tuple[int, ...] = Field(default=(0,), min_length=1)
    """Each rung is trained once with each: initial weights and the order of rows. Two or more tell how
    much training itself varies."""
    tokens_per_parameter: float | None = Field(default=None, gt=0.0)
    """Positions to train on for each parameter outside the embeddings, D / N, of rungs with neither
    ``tokens`` nor ``num_steps``: one rule for all sizes. Left out: ``training.num_steps``, whatever the
    size."""
    push: bool = False
    """Whether every rung is also made ready for serving and pushed, as in ``lexmill run``."""
    require_prediction_within: float | None = Field(default=None, gt=0.0)
    """Largest relative error of the loss predicted for each family's largest rung, before it was trained,
    from the smaller ones; beyond it the command ends with status 3. Left out: predicted and told only."""

    @model_validator(mode="after")
    def _seeds_differ(self) -> LadderConfig:
        if len(set(self.seeds)) < len(self.seeds):
            raise ValueError("seeds: each one once")
        return self
