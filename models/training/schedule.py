"""The learning rate of each step: pure arithmetic.

Linear warm-up, then ``constant``, or one of three ends: ``cosine`` (Loshchilov and Hutter, arXiv 1608.03983),
``linear``, or ``wsd``, warm-up-stable-decay: constant, then linear over the last steps
(Hu et al., MiniCPM, arXiv 2404.06395, section 4; Haegele et al., arXiv 2405.18392).

Worked example: a peak of 1.0 over 10 steps with ``warmup_fraction`` 0.2 and
``final_fraction`` 0.1 rises 0.5, 1.0 at steps 0 and 1; ``linear`` then falls in eight equal
parts to 0.1 at step 9: 0.8875, 0.775, …, 0.1.
"""

from __future__ import annotations

import math

from models.config import TrainingConfig


def learning_rate(config: TrainingConfig, step: int) -> float:
    """The learning rate of the 0-based ``step``; the last step has the final one."""
    warmup = int(config.num_steps * config.warmup_fraction)
    if step < warmup:
        return config.learning_rate * (step + 1) / warmup
    if config.schedule == "constant":
        return config.learning_rate
    decay = config.num_steps - warmup
    if config.schedule == "wsd":
        decay = min(decay, max(1, round(config.num_steps * config.decay_fraction)))
    done = max(0, step + 1 - (config.num_steps - decay)) / max(1, decay)
    return config.learning_rate * (1.0 - (1.0 - config.final_fraction) * _fallen(config.schedule, done))


def _fallen(schedule: str, done: float) -> float:
    """Share of the fall that is behind at the share ``done`` of the decay; 0 to 1."""
    return 0.5 * (1.0 - math.cos(math.pi * done)) if schedule == "cosine" else done
