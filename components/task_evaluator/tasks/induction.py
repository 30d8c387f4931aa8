"""Induction: ``d k a q f d`` goes on with ``k``, which followed the last ``d``.

The pattern A B … A -> B that two attention layers learn together, suddenly, in language models of any size
(Olsson et al., "In-context Learning and Induction Heads", arXiv 2209.11895). The letters are drawn anew for
each item, so nothing but the text before tells the answer.
"""

from __future__ import annotations

import random
from typing import ClassVar, Literal, final

from pydantic import Field

from components.task_evaluator.generated import GeneratedTask
from components.task_evaluator.task import Item
from components.task_evaluator.tasks import symbols


@final
class Induction(GeneratedTask):
    """``length`` different letters, and then one of them again, but not the last."""

    max_answer_chars: ClassVar[int] = 2

    task: Literal["induction"] = "induction"
    length: int = Field(default=8, ge=2, le=26)
    """Letters before the repeated one."""

    def draw(self, source: random.Random) -> Item:
        letters = source.sample(symbols.LETTERS, self.length)
        place = source.randrange(self.length - 1)
        return Item(
            prompt=f"repeat{symbols.joined(letters)}{symbols.joined(letters[place])}",
            target=f" {letters[place + 1]}",
            choices=tuple(f" {letter}" for letter in letters if letter != letters[place]),
        )
