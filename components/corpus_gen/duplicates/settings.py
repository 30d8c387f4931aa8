"""Settings of duplicate removal and decontamination."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from models.config import Settings


class DuplicatesConfig(Settings):
    """Of documents with the same, or nearly the same, text one is kept: that of the source listed first,
    of these the longest, of these the one whose id sorts first."""

    exact: bool = True
    """Whether of equal texts, to the byte, one is kept. Costs one pass of the text through a shuffle."""
    near: bool = False
    """Whether of nearly equal texts (MinHash with banding) one is kept."""
    near_threshold: float = Field(default=0.8, ge=0.3, le=1.0)
    """Estimated Jaccard similarity of two documents' shingles from which on they are nearly equal.
    FineWeb looks for 0.75 (arXiv 2406.17557), Lee et al. for 0.8 (arXiv 2107.06499, section 4.2)."""
    near_recall: float = Field(default=0.99, ge=0.5, lt=1.0)
    """Probability with which a pair right at the threshold is found; closer ones are found more surely."""
    near_min_shingles: int = Field(default=50, ge=1)
    """A document with fewer different shingles is compared to the byte only: one other word in 54 is
    five other shingles of fifty, and single lines or table rows resemble each other for good reasons."""
    shingle_unit: Literal["words", "characters"] = "words"
    """What a shingle is made of. ``words``: letters and digits in lower case; in scripts without spaces
    each character is a word. ``characters`` finds other spellings too, at about four times the time."""
    shingle_length: int = Field(default=5, ge=1, le=50)
    """Words or characters per shingle. Five words as in Lee et al. and FineWeb; of characters, five for
    documents of a few thousand, nine for longer ones (Leskovec et al., section 3.2.2)."""
    num_hashes: int = Field(default=128, ge=16, le=1024)
    """Hashes per signature. The similarity is estimated to within sqrt(0.16 / num_hashes) at 0.8."""


class DecontaminationConfig(Settings):
    """Training documents that hold passages of the evaluation are dropped."""

    against: tuple[str, ...] = ()
    """Files of evaluation tasks: JSON lines or plain text with one item a line, below the working
    directory or on any file system that Beam knows; ``*`` as in source patterns."""
