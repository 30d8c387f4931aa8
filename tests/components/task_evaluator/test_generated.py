"""Tasks drawn from a seed."""

from __future__ import annotations

import pytest

from components.task_evaluator.generated import GeneratedTask
from components.task_evaluator.tasks.addition import Addition
from components.task_evaluator.tasks.parity import Parity

TASKS = [Addition(digits=3), Addition(digits=3, reversed=True), Addition(digits=1), Parity()]


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.label)
def test_no_training_text_holds_a_question_of_the_evaluation(task: GeneratedTask) -> None:
    asked = {item.identity for seed in range(3) for item in task.items(seed, 100)}
    trained = {item.identity for seed in range(3) for item in task.training_items(seed, 500)}
    assert asked
    assert trained
    assert not asked & trained


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.label)
def test_items_are_different_and_the_same_for_the_same_seed(task: GeneratedTask) -> None:
    items = task.items(7, 20)
    assert len({item.identity for item in items}) == len(items) > 0
    assert items == task.items(7, 20)


def test_a_space_that_runs_dry_gives_what_it_has() -> None:
    task = Parity(length=4, evaluation_percent=50)
    items = task.items(0, 1000)
    assert len(items) == sum(task.is_for_evaluation(item) for item in _all_bits(task))


def _all_bits(task: Parity) -> list:
    from components.task_evaluator.task import Item

    return [Item(prompt=f"{number:04b}=", target="") for number in range(16)]


def test_shots_are_never_items_of_the_evaluation() -> None:
    task = Addition(digits=1)
    [item] = task.items(0, 1)
    assert not any(task.is_for_evaluation(shot) for shot in task.shots_for(item, 50, seed=0))


def test_an_addition_is_the_same_question_either_way_round_and_reversed() -> None:
    plain, backwards = Addition(digits=2), Addition(digits=2, reversed=True)
    trained = {item.key for item in plain.training_items(0, 20_000)}
    asked = {item.key for item in backwards.items(1, 1000)}
    assert len(asked) > 100
    assert not trained & asked


def test_reversed_addition_has_the_published_format() -> None:
    for text in Addition(digits=3, reversed=True).training_documents(seed=0, count=50):
        assert text[0] == "$"
        assert text[-2:] == "$\n"
        question, answer = text[1:-2].split("=")
        first, second = question.split("+")
        assert int(answer[::-1]) == int(first) + int(second)


def test_a_label_tells_what_is_not_the_default() -> None:
    assert Addition().label == "addition"
    assert Addition(digits=2, reversed=True, shots=5).label == "addition digits=2 reversed=True 5-shot"
    assert Addition(label="sums").label == "sums"
