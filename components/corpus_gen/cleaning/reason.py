"""Why a document is left out: the verdict of a rule."""

from __future__ import annotations

from typing import NamedTuple


class Reason(NamedTuple):
    """A filter gives one of these, or None to keep."""

    rule: str
    """Stable name, ``gopher_words``."""
    detail: str
    """One line in words: what was found, and what is allowed."""
