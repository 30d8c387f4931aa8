"""Sorting: ``sort k d x a: a d k x``."""

from __future__ import annotations

import math
import random
from collections import Counter
from typing import Literal, final

from pydantic import Field

from components.task_evaluator.generated import GeneratedTask
from components.task_evaluator.task import Item
from components.task_evaluator.tasks import symbols


@final
class Sorting(GeneratedTask):
    """``length`` letters, some perhaps more than once, into the alphabet's order."""

    task: Literal["sorting"] = "sorting"
    length: int = Field(default=6, ge=2, le=500)
    """Letters to sort."""

    @property
    def max_answer_chars(self) -> int:
        return 2 * self.length

    def draw(self, source: random.Random) -> Item:
        letters = source.choices(symbols.LETTERS, k=self.length)
        return Item(prompt=f"sort{symbols.joined(letters)}:", target=symbols.joined(sorted(letters)))

    def chance(self, metric: str, item: Item) -> float | None:
        """Of the orders that the item's letters can stand in."""
        if metric != "exact_match":
            return None
        repeats = Counter(item.target.split())
        return math.prod(math.factorial(count) for count in repeats.values()) / math.factorial(self.length)
