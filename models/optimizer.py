"""AdamW with warm-up and cosine decay, from Keras' own parts."""

from __future__ import annotations

from collections.abc import Sequence

import keras

from models.config import TrainingConfig

FINAL_FRACTION = 0.1
"""The schedule ends at this share of its peak (Hoffmann et al., arXiv 2203.15556, appendix B)."""


def learning_rate_schedule(config: TrainingConfig) -> keras.optimizers.schedules.LearningRateSchedule:
    """Linear from 0 to the peak, then a half cosine to `FINAL_FRACTION` of it at the last step."""
    warmup_steps = int(config.num_steps * config.warmup_fraction)
    return keras.optimizers.schedules.CosineDecay(
        initial_learning_rate=0.0 if warmup_steps else config.learning_rate,
        decay_steps=max(1, config.num_steps - warmup_steps),
        alpha=FINAL_FRACTION,
        warmup_target=config.learning_rate if warmup_steps else None,
        warmup_steps=warmup_steps,
    )


def build_optimizer(
    config: TrainingConfig, variables: Sequence[keras.Variable]
) -> keras.optimizers.Optimizer:
    """AdamW over ``variables``; under float16, with dynamic loss scaling."""
    optimizer = keras.optimizers.AdamW(
        learning_rate_schedule(config),
        weight_decay=config.weight_decay,
        beta_2=config.beta_2,
        global_clipnorm=config.clip_norm,
    )
    optimizer.exclude_from_weight_decay(var_list=[v for v in variables if not is_decayed(v)])
    if config.precision == "mixed_float16":
        optimizer = keras.optimizers.LossScaleOptimizer(optimizer)
    optimizer.build(variables)
    return optimizer


def is_decayed(variable: keras.Variable) -> bool:
    """Weight decay is for matrices: not for biases (attention's have two axes) nor norms' scales."""
    return len(variable.shape) >= 2 and variable.name != "bias"
