"""Corpora that are drawn, not collected: prompts and completions of generated tasks, from a seed.

A task's questions for evaluation are in none of them (`GeneratedTask.is_for_evaluation`), but for those of
`tasks.facts`, which asks what was there to read. The same code gives the same bytes on every machine.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path

from components.corpus_gen import splitting
from components.task_evaluator.generated import GeneratedTask
from components.task_evaluator.task import Item
from components.task_evaluator.tasks.addition import Addition
from components.task_evaluator.tasks.facts import Facts
from components.task_evaluator.tasks.induction import Induction
from components.task_evaluator.tasks.modular_arithmetic import ModularArithmetic
from components.task_evaluator.tasks.parity import Parity
from components.task_evaluator.tasks.sorting import Sorting

EMERGENCE: dict[str, tuple[GeneratedTask, int]] = {
    "addition": (Addition(reversed=True), 36_000),
    "short-addition": (Addition(reversed=True, digits=2), 9_000),
    "induction": (Induction(length=6, spaced=False), 36_000),
    "parity": (Parity(length=10), 7_000),
    "sorting": (Sorting(), 18_000),
    "facts": (Facts(), 60_000),
}
"""File -> the task and how many questions are drawn. Sums of at most two digits, which are among those of
three as well, help with the carry: without them a model needed twice the tokens to begin."""
GROKKING = ModularArithmetic(modulus=47, symbols="characters", evaluation_percent=50)
"""Of 1,128 sums of two residues, half are for training, either way round."""
_SPLITS = {"train": 98, "eval": 1, "test": 1}
"""Of the configuration ``grokking``: which questions are really trained on."""
_ASKED = 200


def emergence(_: Path) -> dict[str, bytes]:
    """Reversed addition, induction, parity, sorting and facts, a JSONL file each."""
    return {
        f"{name}.jsonl": lines(task, task.training_items(0, count))
        for name, (task, count) in EMERGENCE.items()
    }


def grokking(_: Path) -> dict[str, bytes]:
    """Sums modulo a prime, each question once; and of those that are trained on, some to be asked as well
    (``seen.jsonl``), beside the task's own, which nothing is trained on."""
    found = {item.prompt: item for item in GROKKING.training_items(0, 20 * GROKKING.modulus**2)}
    items = sorted(found.values(), key=lambda item: hashlib.sha256(item.prompt.encode()).digest())
    trained = [item for item in items if splitting.index(GROKKING.shown(item), _SPLITS) == 0]
    asked = [{"prompt": item.prompt, "target": item.target} for item in trained[:_ASKED]]
    return {
        "sums.jsonl": lines(GROKKING, items),
        "seen.jsonl": "".join(json.dumps(each) + "\n" for each in asked).encode(),
    }


def lines(task: GeneratedTask, items: Iterable[Item]) -> bytes:
    """One object a line: what is asked, and the answer with its end and what follows that in a text."""
    records = ({"prompt": item.prompt, "completion": task.shown(item)[len(item.prompt) :]} for item in items)
    return "".join(json.dumps(record) + "\n" for record in records).encode()
