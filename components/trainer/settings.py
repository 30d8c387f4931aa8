"""What the Trainer component hands to its ``run_fn``, serialised once."""

from __future__ import annotations

from components.config import WarmStart
from components.training_job.settings import TrainingJobConfig
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
    preset_sha256: str | None = None
    """Of the preset's files, where the model starts from one: another content, another training."""
    warm_start: WarmStart | None = None
    """Where training starts from a pushed model."""
    job: TrainingJobConfig | None = None
    """Where several machines train together."""
    job_image: str = ""
    """Of their containers."""
    pipeline: str = ""
    """Names the job."""
