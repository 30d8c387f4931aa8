"""What the Trainer component hands to its ``run_fn``, serialised once."""

from __future__ import annotations

from typing import Literal

from models.config import ModelConfig, Settings, TrainingConfig

SETTINGS = "settings"
TOKENIZER_URI = "tokenizer_uri"
RUN_ID = "run_id"


CHECKPOINT_ROOT = "checkpoint_root"


class TrainerSettings(Settings):
    """The model, its training, and the length of its rows."""

    model: ModelConfig
    training: TrainingConfig
    sequence_length: int
    attention: Literal["row", "document"] = "row"
    """As ``packing.attention``."""
    preset_sha256: str | None = None
    """Of the preset's files, where the model starts from one: another content, another training."""
