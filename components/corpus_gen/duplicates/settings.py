"""Settings of duplicate removal and decontamination."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from models.config import Settings


class DuplicatesConfig(Settings):
    """Of documents with the same, or nearly the same, text one is kept: that of the source listed first,
    of these the longest, of these the first by file and line."""

    exact: bool = True
    """Whether of equal texts, to the byte, one is kept."""
    near: bool = True
    """Whether of nearly equal texts (MinHash with banding) one is kept, so that no split holds what another
    one holds with a few words changed."""
    near_threshold: float = Field(default=0.8, ge=0.3, le=1.0)
    """Estimated Jaccard similarity of two documents' shingles from which on they are nearly equal.
    FineWeb looks for 0.75 (arXiv 2406.17557); Lee et al. ask for an edit similarity of 0.8 (arXiv
    2107.06499)."""
    near_recall: float = Field(default=0.99, ge=0.5, lt=1.0)
    """Probability with which a pair right at the threshold is found; closer ones are found more surely."""
    near_min_shingles: int = Field(default=50, ge=1)
    """A document with fewer different shingles is compared to the byte only: one other word in 54 is
    five other shingles of fifty, and single lines or table rows resemble each other for good reasons."""
    shingle_unit: Literal["words", "characters"] = "words"
    """What a shingle is made of. ``words``: letters and digits in lower case; in scripts without spaces
    each character is a word. ``characters``: letters and digits alone, which finds other spellings, too."""
    shingle_length: int = Field(default=5, ge=1, le=50)
    """Words or characters per shingle. Five words as in Lee et al. and FineWeb; of characters, five for
    documents of a few thousand, nine for longer ones (Leskovec et al., section 3.2.2)."""
    num_hashes: int = Field(default=128, ge=16, le=1024)
    """Hashes per signature. The similarity is estimated to within sqrt(0.16 / num_hashes) at 0.8."""


class DecontaminationConfig(Settings):
    """Training documents that share a passage with the evaluation are dropped."""

    held_out_words: int = Field(default=50, ge=0, le=1000)
    """So many words in a row in common with a document of the eval or test split are a passage; 0 does not
    compare with them. Fifty as in Lee et al. (arXiv 2107.06499); with thirteen, a stage direction is one."""
    against: tuple[str, ...] = ()
    """Files of evaluation tasks, compressed or not: one item a line, as a JSON value, all of whose texts
    count, or as plain text. Paths start at the working directory; ``*`` and ``**`` as in source patterns."""
    task_words: int = Field(default=13, ge=5, le=1000)
    """So many words in a row in common with a task's item are a passage (GPT-3, arXiv 2005.14165, app. C)."""
    min_words: int = Field(default=8, ge=3)
    """A shorter item or held-out document is not looked for; from here on, one shorter than a passage is
    looked for as a whole. Eight as in GPT-3."""
    max_documents: int = Field(default=10, ge=1)
    """A passage that more training documents hold is common property, such as a licence, and no leak.
    Ten as in GPT-3."""
    max_ngrams: int = Field(default=10_000_000, ge=1000)
    """Of the held-out splits, and again of the tasks: at most so many different n-grams, 8 bytes each, are
    in each machine's memory; of more, those with the smallest hashes. Ten million are some 60 MB of text."""

    @property
    def is_on(self) -> bool:
        return bool(self.held_out_words or self.against)

    @model_validator(mode="after")
    def _lengths_are_in_order(self) -> DecontaminationConfig:
        for name in ("task_words", "held_out_words"):
            if 0 < (words := getattr(self, name)) < self.min_words:
                raise ValueError(f"{name} = {words} is below min_words = {self.min_words}")
        return self
