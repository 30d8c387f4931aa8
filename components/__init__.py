"""The pipeline's own components: one folder each, beside the contracts they share.

`Tokenizer` and `TaskEvaluation` are reachable here because orchestrators import an artifact's class
by its type name, ``components.Tokenizer``; they are imported on first use, as they need TFX.
"""

from __future__ import annotations

from typing import Any

__all__ = ["TaskEvaluation", "Tokenizer"]


def __getattr__(name: str) -> Any:
    if name in __all__:
        from components import artifacts

        return getattr(artifacts, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
