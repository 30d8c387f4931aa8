"""Decisions to leave documents out, which later steps of the stage make about what earlier ones have read.

They lie in runs of the same parts as the documents (`placed`), so that a worker meets both in order.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from components import documents
from components.corpus_gen import placed
from components.corpus_gen.placed import Placed, WaitingItems
from components.documents import Document
from components.runs import Run

Part = tuple[str, int]
"""Split and number: what documents and the decisions on them are grouped by."""


class Decision(NamedTuple):
    """Why a document is left out, as in `rejections.Rejected`."""

    reason: str
    detail: str


class WaitingDecisions(WaitingItems[Part]):
    """Decisions until there are enough for a run of each part."""

    def __init__(self, directory: str, num_parts: int) -> None:
        super().__init__(directory)
        self._num_parts = num_parts

    def decide(self, split: str, document_id: str, decision: Decision) -> None:
        item = Placed.of(document_id, tuple(decision))
        part = placed.part_of(item.path, item.line, self._num_parts)
        self.add((split, part), item, len(decision.detail))


def decided(
    documents_: Iterable[Run], decisions: Iterable[Run]
) -> Iterator[tuple[Document, Decision | None]]:
    """The documents of one part in order, each with the decision to leave it out, if there is one.

    Of several decisions on one the first counts, by reason and detail.
    """
    coming = placed.in_order(decisions)
    decision = next(coming, None)
    for path, line, value in placed.in_order(documents_):
        found: list[Decision] = []
        while decision is not None and (decision.path, decision.line) == (path, line):
            found.append(Decision(*decision.value))
            decision = next(coming, None)
        yield _document(path, line, value), min(found, default=None)
    if decision is not None:
        place = documents.make_id(decision.path, decision.line)
        raise AssertionError(f"a decision on {place}, which is not among the documents")


def kept(documents_: Iterable[Run], decisions: Iterable[Run]) -> Iterator[Document]:
    """Those of one part that are not left out, in order."""
    return (document for document, decision in decided(documents_, decisions) if decision is None)


def place_document(document: Document) -> Placed:
    """The document as an item of a run."""
    value = (document.text, document.source, document.num_prompt_bytes, document.num_masked)
    return Placed.of(document.document_id, value)


def _document(path: str, line: int, value: tuple[str, str, int, int]) -> Document:
    text, source, num_prompt_bytes, num_masked = value
    return Document(text, source, documents.make_id(path, line), num_prompt_bytes, num_masked)
