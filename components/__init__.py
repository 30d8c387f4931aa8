"""The pipeline's own components: one folder each, beside the contracts they share.

The artifacts' classes are reachable here because orchestrators import them by their type
names, such as ``components.Tokenizer``; they are imported on first use, as they need TFX.
"""

from __future__ import annotations

from typing import Any

__all__ = ["EmergenceReport", "Prediction", "Rung", "TaskEvaluation", "Tokenizer"]


def __getattr__(name: str) -> Any:
    if name in __all__:
        from components import artifacts

        return getattr(artifacts, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
