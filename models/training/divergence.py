"""When a training run has gone wrong, and what the likely cause is: pure arithmetic."""

from __future__ import annotations

import math
from collections.abc import Sequence

from models.config import TrainingConfig

EXPLODED = 1.5
"""A window's loss above this multiple of a uniform guess' loss, or of the first window's where that
was higher: worse than knowing nothing. A passing spike of some steps does not reach it."""


def problem(
    config: TrainingConfig,
    first_step: int,
    nll: Sequence[float],
    norms: Sequence[float],
    losses: tuple[float, float | None],
    uniform_loss: float,
) -> str | None:
    """One line when the run cannot go on; None when it can.

    Args:
      config: the run's settings.
      first_step: 1-based number of the first step in ``nll``.
      nll: each step's summed loss since the last look.
      norms: each step's gradient norm, before clipping.
      losses: nats per token over the log window, and over the run's first window when known.
      uniform_loss: ln of the vocabulary's size.
    """
    for offset, value in enumerate(nll):
        if not math.isfinite(value):
            before = norms[offset - 1] if offset else norms[offset]
            step = first_step + offset
            norm = f"gradient norm {before:.3g} before"
            return f"the loss is {value} at step {step} ({norm}): {_cause(config, step)}"
    loss, first_loss = losses
    bound = EXPLODED * max(uniform_loss, first_loss or 0.0)
    if first_loss is not None and loss > bound:
        step = first_step + len(nll) - 1
        return (
            f"the loss exploded: {loss:.3g} nats per token at step {step}, where a uniform guess has "
            f"{uniform_loss:.3g} (gradient norm {norms[-1]:.3g}): {_cause(config, step)}"
        )
    return None


def _cause(config: TrainingConfig, step: int) -> str:
    warmup = int(config.num_steps * config.warmup_fraction)
    if step == 1:
        return "the weights that training started from are no numbers or far too large: check model.preset"
    if config.precision == "mixed_float16":
        return "likely float16's narrow range: use training.precision = 'mixed_bfloat16' or 'float32'"
    if step <= warmup:
        return (
            "likely a learning rate that rises too fast: lower training.learning_rate "
            f"(now {config.learning_rate:g}) or raise training.warmup_fraction "
            f"(now {config.warmup_fraction:g})"
        )
    return (
        f"likely too high a learning rate: lower training.learning_rate (now {config.learning_rate:g}), "
        f"training.clip_norm (now {config.clip_norm:g}), or raise training.warmup_fraction "
        f"(now {config.warmup_fraction:g})"
    )
