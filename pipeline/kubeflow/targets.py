"""Who runs the compiled pipeline."""

from __future__ import annotations

from enum import Enum


class Target(str, Enum):
    """Also the name of its table."""

    KUBEFLOW = "kubeflow"
    VERTEX = "vertex"
