"""The pipeline's own components: one folder each, beside the contracts they share.

`Tokenizer` is reachable here because orchestrators import an artifact's class by its
type name, ``components.Tokenizer``; it is imported on first use, as it needs TFX.
"""

from __future__ import annotations

from typing import Any

__all__ = ["Tokenizer"]


def __getattr__(name: str) -> Any:
    if name == "Tokenizer":
        from components.artifacts import Tokenizer

        return Tokenizer
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
