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
    without_completion: int = 0
    """Left out, as there is nothing after their prompt."""

    def require_every_split(self, corpus_path: str) -> None:
        """Raises unless each split has a document."""
        total = sum(split.documents for split in self.splits.values())
        if total == 0:
            raise CorpusError(
                f"corpus {corpus_path}: no document has any text ({self.empty_documents} are empty, "
                f"{self.without_completion} have no completion); check the sources' patterns and columns"
            )
        empty = [name for name, split in self.splits.items() if split.documents == 0]
        if empty:
            raise CorpusError(
                f"corpus {corpus_path}: its {total} documents leave the split {' and '.join(empty)} empty; "
                'add text, cut files into more documents (documents = "blocks" or "lines", a smaller '
                "block_bytes), or raise eval_percent and test_percent"
            )

    def summary(self) -> str:
        """``1,197 documents, 5.1 MB: train 1,084, eval 70, test 43``."""
        splits = self.splits.values()
        documents, num_bytes = sum(s.documents for s in splits), sum(s.num_bytes for s in splits)
        each = ", ".join(f"{name} {split.documents:,}" for name, split in self.splits.items())
        left_out = "".join(
            f"; {count:,} {kind} left out"
            for count, kind in (
                (self.empty_documents, "empty ones"),
                (self.without_completion, "without a completion"),
            )
            if count
        )
        return f"{documents:,} documents, {format_bytes(num_bytes)}: {each}{left_out}"
