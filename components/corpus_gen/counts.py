"""What a corpus holds, split by split."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

from components.errors import CorpusError
from components.progress import format_bytes


@dataclasses.dataclass(frozen=True)
class SplitCounts:
    """Documents of one split."""

    documents: int
    num_bytes: int


@dataclasses.dataclass(frozen=True)
class CorpusCounts:
    """Documents of all splits, and what was left out."""

    splits: Mapping[str, SplitCounts]
    empty_documents: int
    """Left out, as their text is empty."""

    def require_every_split(self, corpus_path: str) -> None:
        """Raises unless each split has a document."""
        total = sum(split.documents for split in self.splits.values())
        if total == 0:
            raise CorpusError(
                f"corpus {corpus_path}: no document has any text ({self.empty_documents} are empty); "
                "check the sources' patterns and text_column"
            )
        empty = [name for name, split in self.splits.items() if split.documents == 0]
        if empty:
            raise CorpusError(
                f"corpus {corpus_path}: its {total} documents leave the split {' and '.join(empty)} empty; "
                'add text, cut files into more documents (documents = "blocks" or "lines", a smaller '
                "block_bytes), or raise eval_percent and test_percent"
            )

    def summary(self) -> str:
        """``corpus: train 1084 documents, 4.6 MB; eval …``."""
        parts = [
            f"{name} {split.documents} documents, {format_bytes(split.num_bytes)}"
            for name, split in self.splits.items()
        ]
        skipped = [f"{self.empty_documents} empty documents left out"] if self.empty_documents else []
        return f"corpus: {'; '.join(parts + skipped)}"
