"""Which servers lexmill serve knows."""

from __future__ import annotations

import enum


class Backend(str, enum.Enum):
    """Which server."""

    AUTO = "auto"
    STOCK = "stock"
    DOCKER = "docker"
    EMBEDDED = "embedded"
