"""The scalars of a training run: the one place that says which there are, in which unit.

`models.training.run_log.RunLog` writes them, TensorBoard groups them by what stands before the
slash (so training and validation are side by side) and shows the description, and the report draws
them.
"""

from __future__ import annotations

TRAINING_BITS_PER_BYTE = "bits_per_byte/training"
VALIDATION_BITS_PER_BYTE = "bits_per_byte/validation"
TRAINING_LOSS = "loss/training"
VALIDATION_LOSS = "loss/validation"
TRAINING_PERPLEXITY = "perplexity/training"
VALIDATION_PERPLEXITY = "perplexity/validation"
LEARNING_RATE = "optimizer/learning_rate"
GRADIENT_NORM = "optimizer/gradient_norm"
WEIGHT_NORM = "optimizer/weight_norm"
TOKENS_PER_SECOND = "speed/tokens_per_second"
STEP_TIME_MS = "speed/step_time_ms"
MFU_PERCENT = "speed/mfu_percent"
HOST_MEMORY_MB = "memory/host_mb"
GPU_MEMORY_MB = "memory/gpu_{}_mb"
"""One for each GPU, by its number."""

_TRAINING = "over the steps since the point before, dropout included"
_VALIDATION = "over `training.eval_batches` batches of the eval split"
DESCRIPTIONS = {
    TRAINING_LOSS: f"Nats per token, {_TRAINING}.",
    TRAINING_PERPLEXITY: f"exp of the loss, {_TRAINING}.",
    TRAINING_BITS_PER_BYTE: f"Bits per byte of text, {_TRAINING}: comparable between tokenizers.",
    VALIDATION_LOSS: f"Nats per token, {_VALIDATION}.",
    VALIDATION_PERPLEXITY: f"exp of the loss, {_VALIDATION}.",
    VALIDATION_BITS_PER_BYTE: f"Bits per byte of text, {_VALIDATION}: comparable between tokenizers.",
    LEARNING_RATE: "Of the step that was logged.",
    GRADIENT_NORM: "Global L2 norm of the gradients of the step that was logged, before clipping.",
    WEIGHT_NORM: "Global L2 norm of all trainable weights.",
    TOKENS_PER_SECOND: "Tokens trained on per second since the point before; validation does not count.",
    STEP_TIME_MS: "Milliseconds per optimizer step, the mean since the point before.",
    MFU_PERCENT: "Model FLOPs utilisation: floating-point operations that the model needs, in percent of "
    "what the devices can do in that time (Chowdhery et al., arXiv 2204.02311, appendix B).",
    HOST_MEMORY_MB: "Resident memory of the training process, in MB (10^6 bytes).",
}
"""Tag -> what it is, its unit, over what. GPU memory is described where it is written."""

CHARTS = {
    "loss": (TRAINING_LOSS, VALIDATION_LOSS),
    "bits per byte": (TRAINING_BITS_PER_BYTE, VALIDATION_BITS_PER_BYTE),
    "perplexity": (TRAINING_PERPLEXITY, VALIDATION_PERPLEXITY),
}
"""Curves that belong into one chart: TensorBoard's page Custom Scalars."""
