"""What training runs on: GPUs where there are any, precision, XLA."""

from __future__ import annotations

from collections.abc import Sequence

import keras
import tensorflow as tf

from models.config import TrainingConfig
from models.errors import DevicesError
from models.training import cores


def has_gpu() -> bool:
    return bool(tf.config.list_physical_devices("GPU"))


def allow_memory_growth() -> None:
    """Keeps TensorFlow from taking a whole GPU at once, so that an evaluation or a server can share it.

    It can only be set before a GPU is first used, which making a strategy does.
    """
    for gpu in tf.config.list_physical_devices("GPU"):
        try:
            tf.config.experimental.set_memory_growth(gpu, True)
        except RuntimeError:  # Already in use by an earlier stage of this process.
            break


def prepare(config: TrainingConfig) -> None:
    """Sets what is global to the process: dtype policy and random seed."""
    keras.config.set_dtype_policy(dtype_policy(config))
    keras.utils.set_random_seed(config.seed)


def dtype_policy(config: TrainingConfig) -> str:
    """Keras' name of the precision: the configured one, or what the slowest GPU here computes fast."""
    if config.precision != "auto":
        return config.precision
    details = (
        tf.config.experimental.get_device_details(gpu) for gpu in tf.config.list_physical_devices("GPU")
    )
    return precision_of([detail.get("compute_capability") for detail in details])


def precision_of(compute_capabilities: Sequence[tuple[int, int] | None]) -> str:
    """The fastest precision that every GPU of these compute capabilities has units for: bfloat16 since
    Ampere (8.0), float16 since Volta (7.0). No GPU, or one that does not say: float32."""
    known = [capability for capability in compute_capabilities if capability is not None]
    if not known or len(known) < len(compute_capabilities) or min(known) < (7, 0):
        return "float32"
    return "mixed_bfloat16" if min(known) >= (8, 0) else "mixed_float16"


def is_float16(config: TrainingConfig) -> bool:
    """Whether the loss has to be scaled."""
    return dtype_policy(config) == "mixed_float16"


def use_xla(config: TrainingConfig, model: keras.Model) -> bool:
    """Whether the training step is compiled by XLA: by default on a GPU, and on a CPU for the loop of an
    LSTM. What else was tried on a CPU was as fast without, and starts sooner.

    Raises:
      DevicesError: it shall be, but a layer runs on cuDNN, which XLA cannot compile.
    """
    layers = model.backbone.layers
    is_loop = any(isinstance(layer, keras.layers.RNN) for layer in layers)
    if config.jit_compile == "off" or (config.jit_compile == "auto" and not has_gpu() and not is_loop):
        return False
    unable = [layer.name for layer in layers if not layer.supports_jit]
    if unable and config.jit_compile == "on":
        raise DevicesError(
            f"training.jit_compile = 'on': on this GPU, {', '.join(unable)} runs on cuDNN, which XLA cannot "
            "compile: choose 'auto' or 'off'"
        )
    return not unable


def describe() -> str:
    """``1 GPU`` or ``2 CPU cores``."""
    gpus = tf.config.list_physical_devices("GPU")
    if gpus:
        return f"{len(gpus)} GPU{'s' if len(gpus) > 1 else ''}"
    return f"{cores.count()} CPU cores"
