from __future__ import annotations

import json
from pathlib import Path

import pytest

from components.corpus_gen import splitting
from components.task_evaluator import corpora
from pipeline.config import load

NOWHERE = Path()
FACTS = corpora.EMERGENCE["facts"]


def _records(content: bytes) -> list[dict[str, str]]:
    return [json.loads(line) for line in content.decode().splitlines()]


@pytest.fixture(scope="module")
def few(module_patch) -> dict[str, bytes]:
    """`corpora.emergence` with fewer questions."""
    module_patch.setattr(
        corpora, "EMERGENCE", {name: (task, 200) for name, (task, _) in corpora.EMERGENCE.items()}
    )
    return corpora.emergence(NOWHERE)


@pytest.fixture(scope="module")
def module_patch():
    with pytest.MonkeyPatch.context() as patch:
        yield patch


def test_no_question_for_evaluation_is_in_a_corpus(few) -> None:
    for name in set(few) - {"facts.jsonl"}:
        content = few[name]
        task, _ = corpora.EMERGENCE[name.removesuffix(".jsonl")]
        prompts = {record["prompt"] for record in _records(content)}
        assert prompts
        assert not prompts & {item.prompt for item in task.items(0, 400)}


def test_the_facts_that_are_asked_are_in_the_corpus() -> None:
    """In the training split: the rarest, too, but for one of which the only text is for evaluation."""
    task, count = FACTS
    shares = splitting.shares(load("emergence").corpus)
    texts = ((item.key, task.shown(item)) for item in task.training_items(0, count))
    trained = {key for key, text in texts if splitting.index(text, shares) == 0}
    [asked] = [each for each in load("emergence").tasks.evaluate if each.task == "facts"]

    named = {item.key for item in asked.items(0, 1000)}
    assert trained <= named
    assert len(named - trained) <= 1


def test_short_sums_are_kept_from_the_evaluation_of_long_ones(few) -> None:
    long, _ = corpora.EMERGENCE["addition"]
    asked = {item.identity for item in long.items(0, 2000)}
    short = {record["prompt"].strip("$=") for record in _records(few["short-addition.jsonl"])}

    assert not {"+".join(sorted(each.split("+"), key=int)) for each in short} & asked


def test_the_same_code_gives_the_same_bytes(few) -> None:
    assert corpora.emergence(NOWHERE) == few


def test_the_answer_ends_as_the_task_has_it(few) -> None:
    first = _records(few["addition.jsonl"])[0]
    numbers = first["prompt"].strip("$=").split("+")

    assert first["completion"] == f"{str(sum(map(int, numbers)))[::-1]}$\n"


def test_what_grokking_asks_as_seen_is_trained_on_and_what_is_held_out_is_not() -> None:
    files = corpora.grokking(NOWHERE)
    corpus = load("grokking").corpus
    trained = {
        record["prompt"]
        for record in _records(files["sums.jsonl"])
        if splitting.index(record["prompt"] + record["completion"], splitting.shares(corpus)) == 0
    }
    seen = {record["prompt"] for record in _records(files["seen.jsonl"])}

    assert len(seen) == 200
    assert seen <= trained
    assert not trained & {item.prompt for item in corpora.GROKKING.items(0, 400)}
