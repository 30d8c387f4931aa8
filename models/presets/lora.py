"""Low-rank adaptation (Hu et al., arXiv 2106.09685): a frozen matrix W learns a product A B beside it.

KerasHub adds the two to the query and value projections of every layer; B starts at zero, so training
starts from the preset. Only the two matrices train.
"""

from __future__ import annotations

from typing import Any

from models.errors import PresetError


def enable(backbone: Any, rank: int) -> None:
    """Freezes the backbone, but for the new matrices of this rank.

    Raises:
      PresetError: it has no layers to adapt, or they are too small for the rank.
    """
    try:
        backbone.enable_lora(rank)
    except (NotImplementedError, ValueError) as error:
        raise PresetError(f"model.lora_rank = {rank}: {str(error).splitlines()[0]}") from error
    layers = adapted(backbone)
    if not layers:
        raise PresetError(
            f"model.lora_rank = {rank}: a {type(backbone).__name__} has no layers that KerasHub adapts: "
            "set it to 0, which trains the whole model"
        )
    for layer in layers:
        if getattr(layer, "bias", None) is not None:
            layer.bias.trainable = False


def merge(backbone: Any) -> None:
    """Writes W + scale A B into each matrix and takes A and B out of the computation: the same function."""
    for layer in adapted(backbone):
        kernel = layer.kernel
        layer.lora_enabled = False
        layer._kernel.assign(kernel)


def adapted(backbone: Any) -> list[Any]:
    layers = backbone._flatten_layers(include_self=False)
    return [layer for layer in layers if getattr(layer, "lora_enabled", False)]
