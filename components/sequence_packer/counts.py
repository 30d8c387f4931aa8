"""What the rows hold, by split and source: the file `PACKING_REPORT` beside the splits."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np
from pydantic import Field

from components.config import PackingConfig, Settings
from components.errors import CorpusError
from components.mixture import Mixture

if TYPE_CHECKING:
    from components.sequence_packer.packing import Rows

PACKING_REPORT = "packing.json"
TRAIN = "train"


class RowCounts(Settings):
    """Of one source in one split, or a sum of such. All but `documents` and `available_…` are of the rows as
    they are taken, copies and all."""

    documents: int = 0
    """Different ones, before a mixture takes some rows more often and leaves others out."""
    tokens: int = 0
    """Targets: the documents' tokens and one end-of-document token each."""
    masked_tokens: int = 0
    """Of these, the prompts': they do not count in the loss."""
    rows: int = 0
    num_bytes: int = 0
    """Of the documents' text."""
    masked_bytes: int = 0
    """Of these, the prompts'."""
    available_rows: int = 0
    """With each row once."""
    available_tokens: int = 0
    available_masked_tokens: int = 0

    @property
    def epochs(self) -> float:
        """How often the source is read in one pass over the rows."""
        return self.rows / max(1, self.available_rows)

    @classmethod
    def of(cls, rows: Rows, copies: Sequence[int]) -> RowCounts:
        """Some rows, each taken so many times."""
        taken, masked = np.array(copies), rows.masked_tokens
        tokens = rows.loss_mask.sum(axis=1, dtype=np.int64) + masked
        return cls(
            tokens=int(tokens @ taken),
            masked_tokens=int(masked @ taken),
            rows=int(taken.sum()),
            num_bytes=int((rows.num_bytes + rows.masked_bytes) @ taken),
            masked_bytes=int(rows.masked_bytes @ taken),
            available_rows=len(rows),
            available_tokens=int(tokens.sum()),
            available_masked_tokens=int(masked.sum()),
        )

    def __add__(self, other: RowCounts) -> RowCounts:
        sums = {name: getattr(self, name) + getattr(other, name) for name in RowCounts.model_fields}
        return RowCounts(**sums)


class SourceShare(Settings):
    """A source's part of the train split's rows."""

    wanted: float
    """Share of the tokens, by the mixture's rule."""
    realised: float
    """… and as it came out: rows are whole."""
    rows: int
    tokens: int
    num_bytes: int
    epochs: float
    """How often the source is read in one pass over the rows."""


class PackingReport(Settings):
    """How the rows were made, and what they hold."""

    packing: PackingConfig
    vocabulary_size: int
    splits: dict[str, dict[str, RowCounts]]
    """Split -> source -> counts. A source without documents in a split is not listed there."""
    mixture: Mixture | None = None
    """Of the train split; None where each row is taken once."""
    shares: dict[str, SourceShare] = Field(default_factory=dict)
    """Of the train split, by source, where there is a mixture."""

    def total(self, split: str) -> RowCounts:
        return sum(self.splits[split].values(), start=RowCounts())

    def with_counts(self, counts: Iterable[tuple[tuple[str, str], RowCounts]]) -> PackingReport:
        """Adds ``((split, source), counts)`` pairs."""
        splits = {split: dict(by_source) for split, by_source in self.splits.items()}
        for (split, source), part in sorted(counts, key=lambda pair: pair[0]):
            splits[split][source] = splits[split].get(source, RowCounts()) + part
        return self.model_copy(update={"splits": splits, "shares": self._shares(splits.get(TRAIN, {}))})

    def _shares(self, sources: dict[str, RowCounts]) -> dict[str, SourceShare]:
        if self.mixture is None or not sources:
            return {}
        times = self.mixture.times({source: counts.available_tokens for source, counts in sources.items()})
        wanted = {source: times[source] * counts.available_tokens for source, counts in sources.items()}
        total = max(1, sum(counts.tokens for counts in sources.values()))
        return {
            source: SourceShare(
                wanted=wanted[source] / sum(wanted.values()),
                realised=counts.tokens / total,
                rows=counts.rows,
                tokens=counts.tokens,
                num_bytes=counts.num_bytes,
                epochs=counts.epochs,
            )
            for source, counts in sources.items()
        }

    def require_every_split(self) -> None:
        """Raises unless each split has a row."""
        empty = [split for split, by_source in self.splits.items() if not by_source]
        if empty:
            raise CorpusError(
                f"no document to pack in the split {' and '.join(empty)}: the corpus has too few documents; "
                'add text, cut files into more documents (documents = "blocks" or "lines", a smaller '
                "block_bytes), or raise eval_percent and test_percent"
            )
        if self.mixture is not None and not self.total(TRAIN).rows:
            raise CorpusError(
                "the mixture leaves no row in the train split: raise the sources' weights or mixture.tokens"
            )

    def summary(self) -> str:
        """``1,409,414 tokens in 11,012 rows: train 10,000, eval 600, test 412; 400,000 are of prompts``."""
        totals = {split: self.total(split) for split in self.splits}
        tokens, rows = sum(t.tokens for t in totals.values()), sum(t.rows for t in totals.values())
        each = ", ".join(f"{split} {total.rows:,}" for split, total in totals.items())
        masked = sum(total.masked_tokens for total in totals.values())
        of_prompts = f"; {masked:,} are of prompts" if masked else ""
        shares = ", ".join(
            f"{source} {share.realised:.1%} ({share.epochs:.2f} epochs)"
            for source, share in self.shares.items()
        )
        mixed = f"; train is {shares}" if shares else ""
        return f"{tokens:,} tokens in {rows:,} rows: {each}{of_prompts}{mixed}"
