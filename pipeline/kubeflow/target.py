"""Where the compiled pipeline may run."""

from __future__ import annotations

import enum


class Target(str, enum.Enum):
    """Who runs it; also the name of its table in the configuration."""

    KUBEFLOW = "kubeflow"
    VERTEX = "vertex"
