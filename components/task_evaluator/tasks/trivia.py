"""Trivia questions: open, and among answers to other questions.

The questions, and their form, are those of the sample ``trivia``.
"""

from __future__ import annotations

import functools
import random
import re
from typing import ClassVar, Literal, final

from pydantic import Field

from components.task_evaluator import packages
from components.task_evaluator.pooled import PooledTask, Pools, held_out
from components.task_evaluator.task import Item


@final
class Trivia(PooledTask):
    """Questions. The model answers in its own words, and its probabilities choose between the right answer
    and wrong ones."""

    max_answer_chars: ClassVar[int] = 200

    task: Literal["trivia"] = "trivia"
    choices: int = Field(default=4, ge=2, le=20)
    """The right answer and so many less one of other questions'."""
    test_percent: int = Field(default=5, ge=1, le=100)
    """Share of the questions that are asked, the corpus's own ``corpus.test_percent`` or less; 100 for a
    model that never saw any."""

    def pools(self, seed: int) -> Pools:
        return _pools(self.choices, self.test_percent, seed)

    def is_right(self, item: Item, answer: str) -> bool:
        """But for case, spaces, punctuation and an article."""
        return _plain(answer) == _plain(item.target)


@functools.cache
def _pools(num_choices: int, test_percent: int, seed: int) -> Pools:
    records = [record for record in packages.trivia() if "\n" not in record["question"] + record["answer"]]
    answers = sorted({record["answer"] for record in records})
    return held_out((_item(record, answers, num_choices, seed) for record in records), test_percent)


def _item(record: dict[str, str], answers: list[str], num_choices: int, seed: int) -> Item:
    source = random.Random(f"{seed} {record['question']}")
    wrong = [answer for answer in answers if _plain(answer) != _plain(record["answer"])]
    choices = [record["answer"], *source.sample(wrong, num_choices - 1)]
    source.shuffle(choices)
    return Item(
        prompt=f"Question: {record['question']}\nAnswer: ", target=record["answer"], choices=tuple(choices)
    )


def _plain(text: str) -> str:
    return " ".join(word for word in re.findall(r"\w+", text.casefold()) if word not in ("a", "an", "the"))
