"""A preset as the language model that is trained, sampled from and exported."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import keras_hub
import numpy as np
import tensorflow as tf

from models.config import ModelConfig
from models.decoding.decoder import Decoder
from models.decoding.keras_rows import KerasRowDecoder
from models.decoding.keras_weights import gpt2_decoder, llama_decoder
from models.errors import PresetError, first_line
from models.presets import contents, location, lora

_CHECKED_TOKENS = 12
_TOLERANCE = {"float32": 1e-3}
_COARSE_TOLERANCE = 0.1
"""Relative to the largest logit, where the Keras model computes in 16 bits."""


class PresetCausalLM:
    """See `models.causal_lm.CausalLM`: a KerasHub task, read up to a length of our own."""

    def __init__(self, task: Any, context_length: int) -> None:
        self.task = task
        self.backbone = task.backbone
        self.context_length = context_length
        self.trainable_variables: list[keras.Variable] = list(task.trainable_variables)
        self.non_trainable_variables: list[keras.Variable] = list(task.non_trainable_variables)
        self.non_trainable_weights: list[keras.Variable] = list(task.non_trainable_weights)

    def __call__(self, inputs: dict[str, tf.Tensor], training: bool = False) -> tf.Tensor:
        return self.task(inputs, training=training)

    def get_weights(self) -> list[np.ndarray]:
        return list(self.task.get_weights())

    def count_params(self) -> int:
        return int(self.task.count_params())

    def decoder(self) -> Decoder:
        """The decoder of the backbone's kind; adapted matrices enter it merged."""
        if type(self.backbone) is keras_hub.models.GPT2Backbone:
            return gpt2_decoder(self.backbone, context_length=self.context_length)
        if type(self.backbone) in (keras_hub.models.LlamaBackbone, keras_hub.models.Llama3Backbone):
            return llama_decoder(self.backbone, self.context_length)
        return KerasRowDecoder(
            self.task,
            *_cache_shape(self.task),
            context_length=self.context_length,
            vocabulary_size=self.backbone.vocabulary_size,
        )


def load(config: ModelConfig, vocabulary_size: int, context_length: int) -> PresetCausalLM:
    """The preset with its weights, to be trained whole or by `lora`.

    Raises:
      PresetError: the preset cannot be had or loaded, is too short or too small, or cannot be served.
    """
    folder = location.locate(str(config.preset))
    contents.check(folder)
    try:
        task = keras_hub.models.CausalLM.from_preset(
            str(folder), preprocessor=None, dtype=keras.config.dtype_policy()
        )
    except Exception as error:
        raise PresetError(f"preset {folder}: cannot be loaded: {first_line(error)}") from error
    backbone = task.backbone
    check_length(folder, backbone, context_length)
    if backbone.vocabulary_size < vocabulary_size:
        raise PresetError(
            f"preset {folder}: its tokenizer has {vocabulary_size:,} tokens, its model "
            f"{backbone.vocabulary_size:,}"
        )
    if config.lora_rank:
        lora.enable(backbone, config.lora_rank)
    if uneven := [variable.path for variable in task.trainable_variables if variable.dtype != "float32"]:
        raise PresetError(f"preset {folder}: {uneven[0]} is quantized, and cannot be trained: choose another")
    model = PresetCausalLM(task, context_length)
    _check_decoder(folder, model)
    return model


def check_length(folder: Path, backbone: Any, context_length: int) -> None:
    """Raises `PresetError` when rows are longer than the preset has positions for."""
    longest = getattr(backbone, "max_sequence_length", None)
    if longest is not None and context_length > longest:
        raise PresetError(
            f"packing.sequence_length = {context_length:,} is more than the {longest:,} tokens that the "
            f"preset {folder} can read: lower it"
        )


def _cache_shape(task: Any) -> tuple[int, int, int]:
    """Layers, key and value heads, and a head's width of the model's cache.

    Raises:
      PresetError: the cache is none that is known.
    """
    ids = tf.TensorSpec([1, None], tf.int32)
    try:
        traced = tf.function(task._build_cache, autograph=False).get_concrete_function(ids)
        _, layers, two, _, heads, width = traced.output_shapes[1]
    except Exception as error:
        raise PresetError(
            f"{type(task).__name__}: a model of this kind cannot be served: it has no cache of keys and "
            "values of one shape"
        ) from error
    if two != 2 or None in (layers, heads, width):
        raise PresetError(f"{type(task).__name__}: its cache of shape {traced.output_shapes[1]} is not known")
    return layers, heads, width


def _check_decoder(folder: Path, model: PresetCausalLM) -> None:
    """What is served must compute what is trained: compared on a few tokens."""
    length = min(_CHECKED_TOKENS, model.context_length)
    chosen = np.random.default_rng(0).integers(0, model.backbone.vocabulary_size, (1, length))
    ids = tf.constant(chosen, tf.int32)

    @tf.function(autograph=False)
    def both() -> tuple[tf.Tensor, tf.Tensor]:
        logits = model({"token_ids": ids, "padding_mask": tf.ones_like(ids)})
        return tf.cast(logits, tf.float32), model.decoder().sequence_logits(ids)

    expected, found = (values.numpy() for values in both())
    policy = keras.config.dtype_policy().compute_dtype
    worst = float(np.abs(found - expected).max() / max(np.abs(expected).max(), 1e-6))
    if not worst <= _TOLERANCE.get(policy, _COARSE_TOLERANCE):
        raise PresetError(
            f"preset {folder}: a {type(model.task).__name__} cannot be served: generating step by step "
            f"differs from the model by {worst:.1g}"
        )
