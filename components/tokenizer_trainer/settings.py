"""Everything that decides which tokenizer there will be: one JSON text, and part of the cache's key."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import Field

from components.config import PresetTokenizer, TokenizerConfig, WarmStart
from models.config import Settings


class TokenizerTrainerSettings(Settings):
    """How the tokenizer is made, or which preset's it is."""

    tokenizer: TokenizerConfig
    weights: Mapping[str, float] = Field(default_factory=dict)
    """Source -> `components.config.SourceConfig.weight`; 1 for those left out."""
    preset: PresetTokenizer | None = None
    warm_start: WarmStart | None = None
    """Where training starts from a pushed model, whose tokenizer is taken over."""
