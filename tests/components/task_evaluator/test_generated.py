"""Tasks drawn from a seed."""

from __future__ import annotations

from collections import Counter

import pytest

from components.task_evaluator.generated import GeneratedTask
from components.task_evaluator.tasks.addition import Addition
from components.task_evaluator.tasks.facts import Facts
from components.task_evaluator.tasks.induction import Induction
from components.task_evaluator.tasks.modular_arithmetic import ModularArithmetic
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


def test_a_text_of_induction_goes_on_with_all_that_followed_the_letter_the_first_time() -> None:
    task = Induction(length=6)
    for item in task.training_items(0, 100):
        letters = item.prompt.removeprefix("repeat").split()
        assert item.target.split() == letters[letters.index(letters[-1]) + 1 : -1]
    assert {len(item.key) for item in task.training_items(0, 100)} == {2, 3, 4, 5, 6}
    assert all(len(item.target.split()) == 1 for item in task.items(0, 100))


def test_a_sequence_of_induction_is_one_question_whichever_letter_comes_again() -> None:
    task = Induction(length=3, evaluation_percent=50)
    sides: dict[str, set[bool]] = {}
    for item in (*task.items(0, 2000), *task.training_items(0, 2000)):
        sides.setdefault("".join(item.prompt.split()[1:4]), set()).add(task.is_for_evaluation(item))

    assert {len(found) for found in sides.values()} == {1}
    assert set().union(*sides.values()) == {True, False}


def test_all_facts_are_asked_and_the_commonest_stands_spread_times_as_often_as_the_rarest() -> None:
    task = Facts(facts=20, spread=8.0)
    asked = {item.key: item.target for item in task.items(0, 1000)}
    counts = Counter(item.key for item in task.training_items(0, 100_000))
    ordered = [count for _, count in counts.most_common()]

    assert len(asked) == 20
    assert all(asked[item.key] == item.target for item in task.training_items(1, 500))
    assert ordered[0] / ordered[-1] == pytest.approx(8.0, rel=0.1)
    # Every halving takes as many facts: half as common as the first is the one a third of the way down.
    assert ordered[0] / ordered[19 // 3] == pytest.approx(2.0, rel=0.1)


def test_the_shots_of_facts_answer_nothing_that_is_asked() -> None:
    task = Facts(facts=50)
    items = task.items(0, 50)

    shots = task.shots_for(items[0], 10, seed=0)
    assert len(shots) == 10
    assert not {shot.key for shot in shots} & {item.key for item in items}


def test_a_residue_is_one_character_where_that_is_asked_for() -> None:
    task = ModularArithmetic(modulus=62, symbols="characters")
    texts = set(task.training_documents(seed=0, count=2000))

    assert {len(text) for text in texts} == {len("Z + X=L\n")}
    with pytest.raises(ValueError, match="modulus = 63: at most 62"):
        ModularArithmetic(modulus=63, symbols="characters")
