"""What training runs on: GPUs where there are any, precision, XLA."""

from __future__ import annotations

import os

import keras
import tensorflow as tf

from models.config import TrainingConfig


def has_gpu() -> bool:
    return bool(tf.config.list_physical_devices("GPU"))


def prepare(config: TrainingConfig) -> None:
    """Sets what is global to the process: GPU memory growth, dtype policy, random seed.

    Memory growth keeps TensorFlow from taking a whole GPU at once, so that an evaluation or
    a server can share it; it can only be set before the GPU is first used.
    """
    for gpu in tf.config.list_physical_devices("GPU"):
        try:
            tf.config.experimental.set_memory_growth(gpu, True)
        except RuntimeError:  # Already in use by an earlier stage of this process.
            break
    keras.config.set_dtype_policy(config.precision)
    keras.utils.set_random_seed(config.seed)


def use_xla(config: TrainingConfig) -> bool:
    """Whether the training step is compiled by XLA."""
    return config.jit_compile == "on" or (config.jit_compile == "auto" and has_gpu())


def describe() -> str:
    """``1 GPU`` or ``2 CPU cores``."""
    gpus = tf.config.list_physical_devices("GPU")
    if gpus:
        return f"{len(gpus)} GPU{'s' if len(gpus) > 1 else ''}"
    return f"{os.cpu_count()} CPU cores"
