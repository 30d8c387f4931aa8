"""Documents and decisions in runs, by place."""

from __future__ import annotations

from pathlib import Path

import pytest

from components import runs
from components.corpus_gen import decisions, placed
from components.corpus_gen.decisions import Decision, WaitingDecisions
from components.corpus_gen.placed import Placed, WaitingItems
from components.documents import Document
from components.runs import Run


def staged(folder: Path, documents: list[Document]) -> list[Run]:
    waiting: WaitingItems[str] = WaitingItems(str(folder))
    for document in documents:
        waiting.add("all", decisions.place_document(document), len(document.text))
    return [run for _, run in waiting.write()]


def decided(folder: Path, *found: tuple[str, str]) -> list[Run]:
    waiting = WaitingDecisions(str(folder), num_parts=1)
    for document_id, detail in found:
        waiting.decide("train", document_id, Decision("reason", detail))
    return [run for _, run in waiting.write()]


DOCUMENTS = [
    Document(f"text {number}", "s", f"{name}#{number}", 3, 1) for name in "ba" for number in (2, 10, 1)
]


def test_documents_come_back_in_the_order_of_their_places_with_the_decision_on_each(tmp_path: Path) -> None:
    documents = [run for half in (DOCUMENTS[::2], DOCUMENTS[1::2]) for run in staged(tmp_path, half)]
    found = decided(tmp_path, ("b#2", "other"), ("a#10", "one")) + decided(tmp_path, ("a#1", "two"))

    pairs = list(decisions.decided(documents, found))

    assert [one.document_id for one, _ in pairs] == ["a#1", "a#2", "a#10", "b#1", "b#2", "b#10"]
    assert {one for one, _ in pairs} == set(DOCUMENTS)
    assert {one.document_id: decision and decision.detail for one, decision in pairs} == {
        "a#1": "two", "a#2": None, "a#10": "one", "b#1": None, "b#2": "other", "b#10": None,
    }  # fmt: skip


def test_of_two_decisions_on_a_document_the_same_one_counts_in_any_order(tmp_path: Path) -> None:
    for details in (("x", "y"), ("y", "x")):
        found = [run for detail in details for run in decided(tmp_path, ("a#1", detail))]
        (first, decision), *_ = decisions.decided(staged(tmp_path, DOCUMENTS), found)
        assert (first.document_id, decision) == ("a#1", Decision("reason", "x"))


def test_a_decision_on_what_is_not_there_is_an_error_of_this_program(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="a#3"):
        list(decisions.decided(staged(tmp_path, DOCUMENTS), decided(tmp_path, ("a#3", "x"))))


def test_blocks_are_small_and_hold_what_went_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(placed, "BLOCK_BYTES", 300)
    items = [Placed("a", line, "x" * 50) for line in range(40)]

    blocks = list(placed.to_blocks(items))

    assert max(map(len, blocks)) < 400
    assert list(placed.from_blocks(blocks)) == items


def test_items_are_many_by_their_size_and_then_none_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(placed, "_FULL_BYTES", 1000)
    waiting: WaitingItems[int] = WaitingItems(str(tmp_path))
    for line in range(4):
        assert not waiting.are_many
        waiting.add(line % 2, Placed("a", -line, "x"), 100)

    assert waiting.are_many
    found = {key: [item.line for item in placed.from_blocks(runs.read(run))] for key, run in waiting.write()}
    assert found == {0: [-2, 0], 1: [-3, -1]}
    assert waiting.write() == []


def test_a_large_file_is_the_work_of_several_parts_and_a_small_one_of_one() -> None:
    lines = range(1, 100_000, 50)

    assert {placed.part_of("large.txt", line, 8) for line in lines} == set(range(8))
    assert len({placed.part_of("small.txt", line, 8) for line in range(1, 4000)}) == 1


@pytest.mark.parametrize(("num_bytes", "count"), [(0, 1), (5_000, 1), (100_000_000, 10), (10**12, 1000)])
def test_a_larger_corpus_has_more_parts(num_bytes: int, count: int) -> None:
    assert placed.num_parts(num_bytes) == count
