"""Key-value recall: ``recall k 3, d 7, x 1. d: 7``. The associative recall of Graves et al. ("Neural Turing
Machines", arXiv 1410.5401), on which attention and recurrent state differ most (Arora et al., "Zoology",
arXiv 2312.04927)."""

from __future__ import annotations

import random
import string
from typing import ClassVar, Literal, final

from pydantic import Field

from components.task_evaluator.generated import GeneratedTask
from components.task_evaluator.task import Item
from components.task_evaluator.tasks import symbols


@final
class Recall(GeneratedTask):
    """``pairs`` different letters, a digit each; one letter is asked."""

    max_answer_chars: ClassVar[int] = 2

    task: Literal["recall"] = "recall"
    pairs: int = Field(default=4, ge=1, le=26)
    """Letters with a digit."""

    def draw(self, source: random.Random) -> Item:
        keys = source.sample(symbols.LETTERS, self.pairs)
        values = dict(zip(keys, source.choices(string.digits, k=self.pairs), strict=True))
        listed = ",".join(f" {key} {value}" for key, value in values.items())
        asked = source.choice(keys)
        return Item(
            prompt=f"recall{listed}. {asked}:",
            target=f" {values[asked]}",
            choices=tuple(f" {digit}" for digit in string.digits),
        )
