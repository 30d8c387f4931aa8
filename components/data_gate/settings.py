"""Settings of the data gate."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from models.config import Settings

Response = Literal["block", "warn", "off"]


class ValidationConfig(Settings):
    """When the documents are too unlike those of the run before to train on them unasked."""

    drift: Response = "block"
    """What to do when the train split's measures have shifted since the last run whose data was accepted:
    stop before training, say so and go on (and accept), or not look. A shift after a change of
    ``corpus``, ``cleaning`` or ``quality`` other than ``corpus.path`` is what was asked for: it is told, and
    never stops."""
    skew: Response = "warn"
    """The same between this run's train split and its eval and test splits. Those are cut by a hash, so what
    differs does so by chance, or because there are few documents."""
    max_category_shift: float = Field(default=0.1, gt=0, le=1)
    """Largest change in the share of one source, or one language, among the documents (L-infinity)."""
    max_divergence: float = Field(default=0.1, gt=0, le=1)
    """Largest Jensen-Shannon divergence of a number's distribution, by its deciles, in bits; 0: the same, 1:
    no overlap. Twice as long documents are about 0.1 apart, ten times as long ones 0.5."""
    min_documents: int = Field(default=200, ge=1)
    """Splits with fewer documents are not compared: chance alone would pass the bounds."""
    ignore: tuple[str, ...] = ()
    """Measures not to compare, such as ``["num_bytes"]``."""
