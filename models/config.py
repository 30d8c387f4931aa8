"""Settings of the model and its training: frozen, validated, documented by field."""

from __future__ import annotations

import math
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from models.networks import sizes

Size = Literal["10k", "30k", "100k", "300k", "1m", "3m", "10m", "30m", "85m", "300m", "700m", "1.5b"]


class Settings(BaseModel):
    """Base of every configuration table: immutable, and an unknown key is an error."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", use_attribute_docstrings=True, protected_namespaces=()
    )


class ModelConfig(Settings):
    """The network's family and size."""

    family: Literal["transformer", "lstm", "preset"] = "transformer"
    """``transformer``: attention, in two styles. ``lstm``: Embedding, LSTM stack, output. ``preset``: a
    trained model of KerasHub's format, with its own tokenizer, trained further."""
    preset: str | None = Field(default=None, min_length=1)
    """Of ``family = "preset"``: a folder that ``save_to_preset`` wrote, ``kaggle://OWNER/MODEL/keras/VARIATION``
    or ``hf://OWNER/MODEL``, of any causal language model in KerasHub. It decides every field below but
    ``lora_rank``."""
    lora_rank: int = Field(default=0, ge=0, le=1024)
    """Of ``family = "preset"``: rank of the matrices that are trained beside the query and value projections,
    with everything else frozen (LoRA, arXiv 2106.09685); 0 trains the whole model. The exported model holds
    them merged."""
    style: Literal["gpt2", "llama"] = "gpt2"
    """Of the Transformer. ``gpt2``: learned positions, LayerNorm, GELU. ``llama``: rotary positions,
    RMSNorm, SwiGLU, no biases."""
    size: Size | None = None
    """A named size, in parameters outside the embeddings: ``10k``, ``30k``, ``100k``, … ``30m``, ``85m``,
    ``300m``, ``700m``, ``1.5b``; the last four are GPT-2's shapes. It gives ``num_layers``, ``hidden_dim``
    and ``num_heads``; those given beside it in the same file win over it."""
    num_layers: int = Field(default=2, ge=1, le=200)
    """Transformer blocks, or LSTM layers."""
    hidden_dim: int = Field(default=128, ge=8, le=65_536)
    """Width of every layer, and of the embedding if ``embedding_dim`` does not say otherwise."""
    num_heads: int = Field(default=4, ge=1, le=1024)
    """Attention heads; must divide ``hidden_dim``. The LSTM ignores it."""
    num_key_value_heads: int | None = Field(default=None, ge=1)
    """Llama style only: heads of keys and values, each shared by several query heads for a smaller
    cache; must divide ``num_heads``, and is ``num_heads`` when left out."""
    intermediate_dim: int | None = Field(default=None, ge=8)
    """Width of the feed-forward layer. When left out, 4 x ``hidden_dim``, and in Llama style, which has
    three matrices instead of two, 8/3 of it, to the next multiple of 16. The LSTM ignores it."""
    tied_embeddings: bool = True
    """Whether the output matrix is the embedding's (Press and Wolf, arXiv 1608.05859)."""
    embedding_dim: int | None = Field(default=None, ge=8, le=65_536)
    """LSTM only: width of the embedding and output matrices where it is not ``hidden_dim``; the last layer
    is then projected to it."""
    dropout: float = Field(default=0.0, ge=0.0, lt=1.0)
    """Share of activations dropped in training. 0 suits one or two passes over the text."""
    recurrent_dropout: float = Field(default=0.0, ge=0.0, lt=1.0)
    """LSTM only: share of a layer's state dropped, the same units at every token of a row (Gal and
    Ghahramani, arXiv 1512.05287). On a GPU it costs cuDNN's speed."""

    @property
    def key_value_heads(self) -> int:
        return self.num_key_value_heads or self.num_heads

    @property
    def feed_forward_dim(self) -> int:
        """``intermediate_dim``, or what it is when left out."""
        if self.intermediate_dim:
            return self.intermediate_dim
        return 16 * math.ceil(self.hidden_dim / 6) if self.style == "llama" else 4 * self.hidden_dim

    @model_validator(mode="before")
    @classmethod
    def _the_size_gives_the_shape(cls, values: Any) -> Any:
        if not isinstance(values, dict):
            return values
        shapes = sizes.SHAPES.get(str(values.get("family", "transformer")), {})
        return {**shapes.get(str(values.get("size")), {}), **values}

    @model_validator(mode="after")
    def _heads_divide_the_width(self) -> ModelConfig:
        if self.family != "transformer":
            return self
        if self.hidden_dim % self.num_heads:
            raise ValueError(
                f"num_heads = {self.num_heads} does not divide hidden_dim = {self.hidden_dim}: "
                "choose a width that is a multiple of the number of heads"
            )
        if self.num_heads % self.key_value_heads:
            raise ValueError(
                f"num_key_value_heads = {self.key_value_heads} does not divide num_heads = {self.num_heads}"
            )
        if self.style == "llama" and self.hidden_dim // self.num_heads % 2:
            raise ValueError(
                f"hidden_dim / num_heads = {self.hidden_dim // self.num_heads} is odd: rotary positions turn "
                "pairs of numbers, so choose an even width of a head"
            )
        return self

    @model_validator(mode="after")
    def _the_preset_decides_the_rest(self) -> ModelConfig:
        if self.family != "preset":
            for field in ("preset", "lora_rank"):
                if getattr(self, field):
                    raise ValueError(f'{field} is of family = "preset": give that, or remove it')
            return self
        if self.preset is None:
            raise ValueError(
                'family = "preset" needs preset: a folder that save_to_preset wrote, '
                "kaggle://OWNER/MODEL/keras/VARIATION or hf://OWNER/MODEL"
            )
        own = {"family", "preset", "lora_rank"}
        for name, declared in type(self).model_fields.items():
            if name not in own and getattr(self, name) != declared.default:
                raise ValueError(f"{name} = {getattr(self, name)!r}: the preset decides it: remove it")
        return self

    @model_validator(mode="after")
    def _every_field_is_the_familys(self) -> ModelConfig:
        if self.style == "llama" and self.family != "transformer":
            raise ValueError(f'style = "llama" is of family = "transformer", not of "{self.family}"')
        if self.num_key_value_heads is not None and self.style != "llama":
            raise ValueError('num_key_value_heads is of style = "llama": give that, or remove it')
        if (self.embedding_dim is not None or self.recurrent_dropout) and self.family != "lstm":
            field = "recurrent_dropout" if self.embedding_dim is None else "embedding_dim"
            raise ValueError(f'{field} is of family = "lstm": give that, or remove it')
        return self


class TrainingConfig(Settings):
    """How the weights are found."""

    num_steps: int = Field(default=1000, ge=1)
    """Optimizer steps."""
    batch_size: int = Field(default=16, ge=1)
    """Rows per step, over all devices; times ``packing.sequence_length`` gives tokens per step."""
    gradient_accumulation: int = Field(default=1, ge=1)
    """Parts into which a step's rows are cut, one after the other, for a batch that does not fit in
    memory at once. Changes memory and speed, not the result."""
    learning_rate: float = Field(default=2e-3, gt=0.0, le=1.0)
    """Peak of the schedule."""
    schedule: Literal["cosine", "linear", "wsd", "constant"] = "cosine"
    """How the learning rate falls after its linear warm-up. ``wsd``: warm-up, stable, decay
    (arXiv 2404.06395), constant until the last ``decay_fraction`` of the steps, then linear. ``constant``: it
    does not; without warm-up (``warmup_fraction = 0``) a training goes on where a shorter one ended that was
    otherwise the same."""
    warmup_fraction: float = Field(default=0.05, ge=0.0, lt=1.0)
    """Share of the steps over which the learning rate rises from zero."""
    decay_fraction: float = Field(default=0.2, gt=0.0, le=1.0)
    """Share of the steps over which it falls under ``wsd``."""
    final_fraction: float = Field(default=0.1, ge=0.0, le=1.0)
    """Share of the peak at the last step; a tenth follows Hoffmann et al. (arXiv 2203.15556, App. B)."""
    weight_decay: float = Field(default=0.1, ge=0.0, le=1.0)
    """AdamW's decoupled decay (Loshchilov and Hutter, arXiv 1711.05101), on matrices only."""
    beta_1: float = Field(default=0.9, ge=0.0, lt=1.0)
    """AdamW's first-moment decay."""
    beta_2: float = Field(default=0.95, gt=0.0, lt=1.0)
    """AdamW's second-moment decay; 0.95 follows GPT-3 (Brown et al., arXiv 2005.14165, App. B)."""
    clip_norm: float = Field(default=1.0, gt=0.0)
    """Largest global norm of the gradients."""
    label_smoothing: float = Field(default=0.0, ge=0.0, lt=1.0)
    """Share of the target's probability that is spread evenly over the vocabulary in what is minimised
    (arXiv 1512.00567, section 7). Reported losses are without it."""
    seed: int = Field(default=0, ge=0, lt=2**31)
    """Of the initial weights, dropout and the order of rows."""
    precision: Literal["auto", "float32", "mixed_bfloat16", "mixed_float16"] = "auto"
    """Keras' dtype policy. ``auto``: bfloat16 on a GPU of compute capability 8.0 or more, float16 (with
    loss scaling) on one of 7.0 or more, else float32. Variables and exported outputs stay float32."""
    jit_compile: Literal["auto", "on", "off"] = "auto"
    """XLA for the training step. ``auto``: on a GPU, and on a CPU for an LSTM, whose loop it makes nearly
    twice as fast; a Transformer on a CPU was as fast without it."""
    eval_every: int = Field(default=200, ge=1)
    """Steps between validations, which also write generated samples to TensorBoard."""
    eval_batches: int = Field(default=20, ge=1)
    """Batches of the eval split per validation."""
    early_stopping: int = Field(default=0, ge=0)
    """Ends training after this many validations in a row without a better loss; 0: never."""
    checkpoint_every: int = Field(default=200, ge=1)
    """Steps between checkpoints, from which a run that was stopped goes on."""
    warm_start: Literal["none", "latest"] = "none"
    """``latest``: starts from the weights of the model pushed last, which had both blessings, with its
    tokenizer; the optimizer starts anew. It must have the same shape. With nothing pushed yet: at random."""
    export_weights: Literal["best", "last"] = "best"
    """Which weights become the model: those of the best validation, or those of the last step."""
    log_every: int = Field(default=20, ge=1)
    """Steps between TensorBoard points and progress lines."""
    sample_prompts: tuple[str, ...] = ("",)
    """Continued at every validation, greedily."""
    sample_tokens: int = Field(default=48, ge=1)
    """Tokens per generated sample."""
    histograms: bool = False
    """Writes the distributions of the weights, and of their gradients on one batch of the eval split, to
    TensorBoard at every validation."""
    profile_steps: int = Field(default=0, ge=0)
    """Steps that TensorFlow's profiler traces, after the first ``log_every``; 0: none. Slows those steps."""
    projector_tokens: int = Field(default=4096, ge=0)
    """Tokens, the first of the vocabulary, whose embeddings TensorBoard's projector shows at the end of
    training; 0: none."""

    @property
    def goes_on_from_shorter(self) -> bool:
        """Whether its first steps are those of any shorter training with the same settings."""
        return self.schedule == "constant" and self.warmup_fraction == 0.0

    @property
    def rows_per_part(self) -> int:
        """Rows of a batch that are worked on at once."""
        return self.batch_size // self.gradient_accumulation

    @model_validator(mode="after")
    def _parts_divide_the_batch(self) -> TrainingConfig:
        if self.batch_size % self.gradient_accumulation:
            raise ValueError(
                f"gradient_accumulation = {self.gradient_accumulation} does not divide "
                f"batch_size = {self.batch_size}: choose a batch that is a multiple of it"
            )
        return self
