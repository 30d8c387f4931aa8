"""What a training run says of itself: ``run.json`` beside its event files.

TensorBoard's names of runs and the report read it, neither of which should need ML Metadata
(whose database a training run holds) or TensorFlow to know which run a folder belongs to.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from models.config import Settings

FILE = "run.json"


class RunCard(Settings):
    """One training run, as it began."""

    run_id: str
    """Of the pipeline's run; empty where training does not run in a pipeline."""
    started: str
    """Local time, ISO 8601."""
    family: str
    num_parameters: int
    flops_per_token: float
    """Floating-point operations that training needs per token, forward and backward."""
    peak_flops_per_second: float
    peak_source: str
    configuration: dict[str, dict[str, Any]]
    """Table -> field -> value: the model's and the training's, and the row length."""
    environment: dict[str, str]
    """Of the process that wrote this last."""
    resumed_after: int | None = None
    """The step from which this process went on; None when it began at the first."""
    earlier: str | None = None
    """Directory of the run that it went on with."""


def read(directory: str) -> RunCard | None:
    """The card of a local folder of event files; None when it has none that this version can read."""
    try:
        return RunCard.model_validate_json(Path(directory, FILE).read_text(encoding="utf-8"))
    except (OSError, ValidationError):
        return None


def card_now(
    *,
    run_id: str,
    family: str,
    num_parameters: int,
    flops_per_token: float,
    configuration: dict[str, dict[str, Any]],
    precision: str,
    num_gpus: int,
    num_workers: int = 1,
) -> RunCard:
    """The card of a run that begins, or goes on, now in this process.

    Args:
      precision: Keras' dtype policy.
      num_gpus: that train together, of all workers; 0 is the CPU.
      num_workers: machines that train together.
    """
    from models.training import environment, peak_flops

    peak = peak_flops.of_devices(precision, num_gpus, num_workers)
    return RunCard(
        run_id=run_id,
        started=time.strftime("%Y-%m-%dT%H:%M:%S%z"),
        family=family,
        num_parameters=num_parameters,
        flops_per_token=flops_per_token,
        peak_flops_per_second=peak.flops_per_second,
        peak_source=peak.source,
        configuration=configuration,
        environment=environment.describe(),
    )
