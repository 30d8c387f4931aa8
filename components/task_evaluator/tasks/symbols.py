"""Sequences of letters as several tasks write them: a space before each, so that each is a token of its own
with most tokenizers, wherever it stands."""

from __future__ import annotations

import string
from collections.abc import Iterable

LETTERS = string.ascii_lowercase


def joined(letters: Iterable[str]) -> str:
    """``"abc"`` -> ``" a b c"``."""
    return "".join(f" {letter}" for letter in letters)
