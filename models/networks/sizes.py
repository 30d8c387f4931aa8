"""Named sizes: the shape of a network by family and number of parameters.

A name is the number of parameters outside the embeddings (`models.networks.counts`), the N of
Kaplan et al. (arXiv 2001.08361), because the vocabulary is chosen apart from it. `85m`, `300m`,
`700m` and `1.5b` are the four shapes that GPT-2 was published in (Radford et al., 2019, table 2;
known with their embeddings as 124M, 355M, 774M and 1.5B); `10m` is close to nanoGPT's model
of characters. A shape comes within a tenth of its name.
"""

from __future__ import annotations

SHAPE_FIELDS = ("num_layers", "hidden_dim", "num_heads")

_TRANSFORMER: dict[str, tuple[int, ...]] = {
    "10k": (3, 16, 2),
    "30k": (4, 24, 2),
    "100k": (2, 64, 4),
    "300k": (4, 80, 5),
    "1m": (5, 128, 4),
    "3m": (4, 256, 8),
    "10m": (6, 384, 6),
    "30m": (10, 512, 8),
    "85m": (12, 768, 12),
    "300m": (24, 1024, 16),
    "700m": (36, 1280, 20),
    "1.5b": (48, 1600, 25),
}
_LSTM: dict[str, tuple[int, ...]] = {
    "10k": (1, 36),
    "30k": (1, 60),
    "100k": (1, 112),
    "300k": (1, 192),
    "1m": (2, 256),
    "3m": (2, 432),
    "10m": (3, 640),
    "30m": (3, 1120),
    "85m": (3, 1888),
    "300m": (4, 3072),
    "700m": (4, 4672),
    "1.5b": (4, 6848),
}

SHAPES: dict[str, dict[str, dict[str, int]]] = {
    family: {name: dict(zip(SHAPE_FIELDS, shape, strict=False)) for name, shape in shapes.items()}
    for family, shapes in {"transformer": _TRANSFORMER, "lstm": _LSTM}.items()
}
"""Family -> size -> fields of `models.config.ModelConfig`."""
