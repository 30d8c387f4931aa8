"""Serving: a TensorFlow Serving compatible server, its clients, and the check before a push."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from serving.text_generation import pipeline

__all__ = ["pipeline"]


def __getattr__(name: str) -> Any:
    """``serving.pipeline``, imported when it is first asked for: a server needs no client."""
    if name != "pipeline":
        raise AttributeError(f"module 'serving' has no attribute {name!r}")
    from serving.text_generation import pipeline

    return pipeline
