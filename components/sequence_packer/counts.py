"""What the rows hold, by split and source: the file `PACKING_REPORT` beside the splits."""

from __future__ import annotations

from collections.abc import Iterable

from components.config import PackingConfig, Settings
from components.errors import CorpusError

PACKING_REPORT = "packing.json"


class RowCounts(Settings):
    """Of one source in one split, or a sum of such."""

    documents: int = 0
    tokens: int = 0
    """Targets: the documents' tokens and one end-of-document token each."""
    masked_tokens: int = 0
    """Of these, the prompts': they do not count in the loss."""
    rows: int = 0
    num_bytes: int = 0
    """Of the documents' text."""
    masked_bytes: int = 0
    """Of these, the prompts'."""

    def __add__(self, other: RowCounts) -> RowCounts:
        return RowCounts(
            documents=self.documents + other.documents,
            tokens=self.tokens + other.tokens,
            masked_tokens=self.masked_tokens + other.masked_tokens,
            rows=self.rows + other.rows,
            num_bytes=self.num_bytes + other.num_bytes,
            masked_bytes=self.masked_bytes + other.masked_bytes,
        )


class PackingReport(Settings):
    """How the rows were made, and what they hold."""

    packing: PackingConfig
    vocabulary_size: int
    splits: dict[str, dict[str, RowCounts]]
    """Split -> source -> counts. A source without documents in a split is not listed there."""

    def total(self, split: str) -> RowCounts:
        return sum(self.splits[split].values(), start=RowCounts())

    def with_counts(self, counts: Iterable[tuple[tuple[str, str], RowCounts]]) -> PackingReport:
        """Adds ``((split, source), counts)`` pairs."""
        splits = {split: dict(by_source) for split, by_source in self.splits.items()}
        for (split, source), part in sorted(counts, key=lambda pair: pair[0]):
            splits[split][source] = splits[split].get(source, RowCounts()) + part
        return self.model_copy(update={"splits": splits})

    def require_every_split(self) -> None:
        """Raises unless each split has a row."""
        empty = [split for split, by_source in self.splits.items() if not by_source]
        if empty:
            raise CorpusError(
                f"no document to pack in the split {' and '.join(empty)}: the corpus has too few documents; "
                'add text, cut files into more documents (documents = "blocks" or "lines", a smaller '
                "block_bytes), or raise eval_percent and test_percent"
            )

    def summary(self) -> str:
        """``1,409,414 tokens in 11,012 rows: train 10,000, eval 600, test 412; 400,000 are of prompts``."""
        totals = {split: self.total(split) for split in self.splits}
        tokens, rows = sum(t.tokens for t in totals.values()), sum(t.rows for t in totals.values())
        each = ", ".join(f"{split} {total.rows:,}" for split, total in totals.items())
        masked = sum(total.masked_tokens for total in totals.values())
        of_prompts = f"; {masked:,} are of prompts" if masked else ""
        return f"{tokens:,} tokens in {rows:,} rows: {each}{of_prompts}"
