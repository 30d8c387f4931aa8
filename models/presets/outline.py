"""How large a preset is, and what a token costs, without its weights."""

from __future__ import annotations

from typing import Any

import keras
import keras_hub

from models.config import ModelConfig
from models.errors import PresetError, first_line
from models.networks.counts import Counts
from models.presets import contents, location, lora
from models.presets.model import check_length


def count_preset(config: ModelConfig, context_length: int) -> Counts:
    """The counts of the preset as it is trained on rows of ``context_length`` tokens.

    Raises:
      PresetError: it cannot be had, is none, or cannot read so many tokens.
    """
    folder = location.locate(str(config.preset))
    contents.check(folder)
    with keras.StatelessScope(initialize_variables=False):
        try:
            backbone = keras_hub.models.Backbone.from_preset(str(folder), load_weights=False)
        except Exception as error:
            raise PresetError(f"preset {folder}: cannot be built: {first_line(error)}") from error
        check_length(folder, backbone, context_length)
        if config.lora_rank:
            lora.enable(backbone, config.lora_rank)
        return of_backbone(backbone, context_length)


def of_backbone(backbone: Any, context_length: int) -> Counts:
    """See `Counts`. Of a mixture of experts, all experts are counted, though a token visits few."""
    tables = {
        id(variable): variable
        for layer in backbone._flatten_layers(include_self=False)
        if isinstance(layer, (keras.layers.Embedding, keras_hub.layers.PositionEmbedding))
        for variable in layer.variables
    }
    weights = backbone.weights
    embedding = sum(_size(variable) for variable in tables.values())
    others = [variable for variable in weights if id(variable) not in tables]
    matrix = backbone.vocabulary_size * backbone.hidden_dim
    attention = 4 * backbone.num_layers * backbone.hidden_dim * context_length
    outside = sum(_size(variable) for variable in others)
    forward = 2 * (outside + matrix) + attention
    trained = sum(_size(variable) for variable in backbone.trainable_variables)
    if trained == sum(_size(variable) for variable in weights):
        return Counts(embedding, outside, forward)
    frozen = matrix + sum(_size(variable) for variable in others if not variable.trainable)
    return Counts(embedding, outside, forward, 2 * frozen, trained)


def _size(variable: Any) -> int:
    size = 1
    for length in variable.shape:
        size *= length
    return size
