"""Copying: ``copy k d x a: k d x a``. What a memory, or attention by position, is for."""

from __future__ import annotations

import random
from typing import Literal, final

from pydantic import Field

from components.task_evaluator.generated import GeneratedTask
from components.task_evaluator.task import Item
from components.task_evaluator.tasks import symbols


@final
class Copying(GeneratedTask):
    """Sequences of ``length`` letters."""

    task: Literal["copying"] = "copying"
    length: int = Field(default=8, ge=1, le=500)
    """Letters, any of 26, each of them as often as it comes."""

    @property
    def max_answer_chars(self) -> int:
        return 2 * self.length

    def draw(self, source: random.Random) -> Item:
        sequence = symbols.joined(source.choices(symbols.LETTERS, k=self.length))
        return Item(prompt=f"copy{sequence}:", target=sequence)

    def chance(self, metric: str, item: Item) -> float | None:
        """Of the sequences of as many letters."""
        return len(symbols.LETTERS) ** -self.length if metric == "exact_match" else None
