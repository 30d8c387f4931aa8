"""What became of every record of a corpus: the file `CORPUS_REPORT` beside what was rejected.

The law: of each source, the records read are those kept, split by split, and those dropped, reason
by reason. Reading counts on its own, so that a step which loses a document without a reason is found.
"""

from __future__ import annotations

from collections.abc import Iterable

from pydantic import Field

from components.config import CorpusConfig
from components.corpus_gen.rejections import Rejected, is_malformed
from components.errors import CorpusError
from components.progress import format_bytes
from models.config import Settings

CORPUS_REPORT = "corpus.json"


CountKey = tuple[str, str, str]
"""Source; ``read``, ``kept``, ``dropped``, ``masked`` or ``changed``; and the split of what is kept, the
reason of what is dropped, the kind of what was masked, the step that changed a document, nothing for what is
read. Plain, as Beam groups by it."""
Count = tuple[CountKey, tuple[int, int]]
"""``(key, (documents, bytes))``."""


class Amount(Settings):
    """Of documents, or of records that were to become some."""

    documents: int = 0
    num_bytes: int = 0
    """Of their text; of what is dropped, not counted."""


class Example(Settings):
    """A record that was dropped: of each source and reason, the first by its place."""

    document_id: str
    detail: str


class SourceCounts(Settings):
    """Of one source."""

    licence: str = ""
    """As the configuration notes it, like ``weight``."""
    weight: float = 1.0
    read: int = 0
    """Records."""
    kept: dict[str, Amount] = Field(default_factory=dict)
    """By split."""
    dropped: dict[str, int] = Field(default_factory=dict)
    """Records by reason."""
    masked: dict[str, int] = Field(default_factory=dict)
    """E-mail addresses, IP addresses, phone numbers and secrets by kind, of all that was read."""
    changed: dict[str, int] = Field(default_factory=dict)
    """Documents that a cleaning step gave another text, by the step, of all that was read."""

    @property
    def documents(self) -> int:
        return sum(amount.documents for amount in self.kept.values())

    def with_count(self, key: CountKey, documents: int, num_bytes: int) -> SourceCounts:
        _, fate, which = key
        if fate == "read":
            return self.model_copy(update={"read": documents})
        if fate == "kept":
            amount = Amount(documents=documents, num_bytes=num_bytes)
            return self.model_copy(update={"kept": {**self.kept, which: amount}})
        return self.model_copy(update={fate: {**getattr(self, fate), which: documents}})


class CorpusCounts(Settings):
    """Of the whole corpus."""

    splits: tuple[str, ...]
    sources: dict[str, SourceCounts]
    examples: dict[str, dict[str, Example]] = Field(default_factory=dict)
    """Source -> reason -> one record that was dropped for it."""

    @classmethod
    def empty(cls, corpus: CorpusConfig, splits: Iterable[str]) -> CorpusCounts:
        """Every source of the configuration, and nothing counted."""
        sources = {
            source.name: SourceCounts(licence=source.licence, weight=source.weight)
            for source in corpus.sources
        }
        return cls(splits=tuple(splits), sources=sources)

    def with_counts(self, counts: Iterable[tuple[CountKey, tuple[int, int]]]) -> CorpusCounts:
        """Adds ``(key, (documents, bytes))`` pairs, one a key."""
        sources = dict(self.sources)
        for key, (documents, num_bytes) in sorted(counts):
            counted = sources.get(key[0], SourceCounts())
            sources[key[0]] = counted.with_count(key, documents, num_bytes)
        return self.model_copy(update={"sources": sources})

    def with_examples(self, rejections: Iterable[Rejected]) -> CorpusCounts:
        """Adds one rejection a source and reason."""
        examples: dict[str, dict[str, Example]] = {}
        for rejected in sorted(rejections, key=lambda rejected: (rejected.source, rejected.reason)):
            case = Example(document_id=rejected.document_id, detail=rejected.detail)
            examples.setdefault(rejected.source, {})[rejected.reason] = case
        return self.model_copy(update={"examples": examples})

    @property
    def read(self) -> int:
        return sum(source.read for source in self.sources.values())

    def kept(self, split: str) -> Amount:
        """Of all sources."""
        amounts = [source.kept.get(split, Amount()) for source in self.sources.values()]
        return Amount(
            documents=sum(amount.documents for amount in amounts),
            num_bytes=sum(amount.num_bytes for amount in amounts),
        )

    def dropped(self) -> dict[str, int]:
        """Records by reason, of all sources, the most frequent first."""
        totals: dict[str, int] = {}
        for source in self.sources.values():
            for reason, count in source.dropped.items():
                totals[reason] = totals.get(reason, 0) + count
        return dict(sorted(totals.items(), key=lambda item: (-item[1], item[0])))

    def require_conservation(self) -> None:
        """Raises unless read = kept + dropped: an error of this program, not of the corpus."""
        for name, source in self.sources.items():
            kept, dropped = source.documents, sum(source.dropped.values())
            if source.read != kept + dropped:
                raise AssertionError(
                    f"source {name!r}: {source.read} records read, but {kept} kept and {dropped} dropped: "
                    "a step of CorpusGen lost or made up some; please report this"
                )

    def require_few_malformed(self, corpus_path: str, max_bad_fraction: float) -> None:
        """Raises when more of a source's records than this are malformed."""
        for name, source in self.sources.items():
            bad = {reason: n for reason, n in source.dropped.items() if is_malformed(reason)}
            share = sum(bad.values()) / max(source.read, 1)
            if share > max_bad_fraction:
                found = ", ".join(f"{n:,} {reason.partition(':')[2]}" for reason, n in bad.items())
                raise CorpusError(
                    f"corpus {corpus_path}, source {name!r}: {sum(bad.values()):,} of {source.read:,} "
                    f"records are malformed ({found}), {share:.2%}, and corpus.max_bad_fraction allows "
                    f"{max_bad_fraction:.2%}: correct the data or the source's settings, or raise it. "
                    f"For example, {self._cases(name, bad)}"
                )

    def _cases(self, source: str, reasons: Iterable[str]) -> str:
        cases = (self.examples.get(source, {}).get(reason) for reason in reasons)
        return "; ".join(f"{case.document_id}: {case.detail}" for case in cases if case is not None)

    def require_every_split(self, corpus_path: str) -> None:
        """Raises unless each split has a document."""
        total = sum(source.documents for source in self.sources.values())
        if total == 0:
            reasons = ", ".join(f"{n:,} {reason}" for reason, n in self.dropped().items()) or "none was found"
            raise CorpusError(
                f"corpus {corpus_path}: no document is left ({reasons}); check the sources' patterns and "
                "columns, and the rules by which documents are dropped"
            )
        empty = [split for split in self.splits if not self.kept(split).documents]
        if empty:
            raise CorpusError(
                f"corpus {corpus_path}: its {total} documents leave the split {' and '.join(empty)} empty; "
                'add text, cut files into more documents (documents = "blocks" or "lines", a smaller '
                "block_bytes), or raise eval_percent and test_percent"
            )

    def summary(self) -> str:
        """``1,197 documents, 5.1 MB: train 1,084, eval 70, test 43; 3 dropped: 3 empty``."""
        amounts = {split: self.kept(split) for split in self.splits}
        documents = sum(amount.documents for amount in amounts.values())
        num_bytes = sum(amount.num_bytes for amount in amounts.values())
        each = ", ".join(f"{split} {amount.documents:,}" for split, amount in amounts.items())
        dropped = self.dropped()
        reasons = ", ".join(f"{count:,} {reason}" for reason, count in dropped.items())
        left_out = f"; {sum(dropped.values()):,} dropped: {reasons}" if dropped else ""
        return f"{documents:,} documents, {format_bytes(num_bytes)}: {each}{left_out}"
