"""Settings of the model and its training: frozen, validated, documented by field."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator


class Settings(BaseModel):
    """Base of every configuration table: immutable, and an unknown key is an error."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", use_attribute_docstrings=True, protected_namespaces=()
    )


class ModelConfig(Settings):
    """The network's family and size."""

    family: Literal["transformer", "lstm"] = "transformer"
    """``transformer``: KerasHub's GPT-2 backbone. ``lstm``: Embedding, LSTM stack, tied output."""
    num_layers: int = Field(default=2, ge=1, le=200)
    """Transformer blocks, or LSTM layers."""
    hidden_dim: int = Field(default=128, ge=8, le=65_536)
    """Width of the embedding and of every layer."""
    num_heads: int = Field(default=4, ge=1, le=1024)
    """Attention heads; must divide ``hidden_dim``. The LSTM ignores it."""
    intermediate_dim: int | None = Field(default=None, ge=8)
    """Width of the feed-forward layer; 4 x ``hidden_dim`` when left out. The LSTM ignores it."""
    dropout: float = Field(default=0.0, ge=0.0, lt=1.0)
    """Share of activations dropped in training. 0 suits one or two passes over the text."""

    @model_validator(mode="after")
    def _heads_divide_the_width(self) -> ModelConfig:
        if self.family == "transformer" and self.hidden_dim % self.num_heads:
            raise ValueError(
                f"num_heads = {self.num_heads} does not divide hidden_dim = {self.hidden_dim}: "
                "choose a width that is a multiple of the number of heads"
            )
        return self


class TrainingConfig(Settings):
    """How the weights are found."""

    num_steps: int = Field(default=1000, ge=1)
    """Optimizer steps."""
    batch_size: int = Field(default=16, ge=1)
    """Rows per step; times ``packing.sequence_length`` gives tokens per step."""
    learning_rate: float = Field(default=2e-3, gt=0.0, le=1.0)
    """Peak of the schedule: linear warm-up, then cosine decay to a tenth."""
    warmup_fraction: float = Field(default=0.05, ge=0.0, lt=1.0)
    """Share of the steps over which the learning rate rises from zero."""
    weight_decay: float = Field(default=0.1, ge=0.0, le=1.0)
    """AdamW's decoupled decay (Loshchilov and Hutter, arXiv 1711.05101), on matrices only."""
    beta_2: float = Field(default=0.95, gt=0.0, lt=1.0)
    """AdamW's second-moment decay; 0.95 follows GPT-3 (Brown et al., arXiv 2005.14165, App. B)."""
    clip_norm: float = Field(default=1.0, gt=0.0)
    """Largest global norm of the gradients."""
    seed: int = Field(default=0, ge=0, lt=2**31)
    """Of the initial weights, dropout and the order of rows."""
    precision: Literal["float32", "mixed_bfloat16", "mixed_float16"] = "float32"
    """Keras' dtype policy. Variables and exported outputs stay float32."""
    jit_compile: Literal["auto", "on", "off"] = "auto"
    """XLA for the training step. ``auto``: on a GPU; on a CPU it was slower at every size tried."""
    eval_every: int = Field(default=200, ge=1)
    """Steps between validations, which also write generated samples to TensorBoard."""
    eval_batches: int = Field(default=20, ge=1)
    """Batches of the eval split per validation."""
    log_every: int = Field(default=20, ge=1)
    """Steps between TensorBoard points and progress lines."""
    sample_prompts: tuple[str, ...] = ("",)
    """Continued at every validation, greedily."""
    sample_tokens: int = Field(default=48, ge=1)
    """Tokens per generated sample."""
