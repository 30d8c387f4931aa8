"""Addition of two numbers, plain or with the answer's digits reversed.

Plain, ``123+456=579``; reversed, ``$123+456=975$``, as in Lee et al., "Teaching Arithmetic to Small
Transformers" (arXiv 2307.03381): the digit that is written first is the lowest, so that each digit follows
from those of its place and the carry, which is why small models learn it so much earlier.
"""

from __future__ import annotations

import random
from typing import Literal, final

from pydantic import Field

from components.task_evaluator.generated import GeneratedTask
from components.task_evaluator.task import Item


@final
class Addition(GeneratedTask):
    """Two numbers of up to ``digits`` digits; ``3+5`` and ``5+3`` are one question, whichever way the
    answer is written."""

    task: Literal["addition"] = "addition"
    digits: int = Field(default=3, ge=1, le=30)
    """Most digits of a number; every number of so many digits or fewer is as likely as another."""
    reversed: bool = False
    """Whether the answer's lowest digit comes first, and dollar signs stand around."""

    @property
    def end(self) -> str:  # type: ignore[override]
        return "$" if self.reversed else "\n"

    @property
    def max_answer_chars(self) -> int:
        return self.digits + 2

    def draw(self, source: random.Random) -> Item:
        first, second = source.randrange(10**self.digits), source.randrange(10**self.digits)
        total = str(first + second)
        low, high = sorted((first, second))
        return Item(
            prompt=f"{'$' if self.reversed else ''}{first}+{second}=",
            target=total[::-1] if self.reversed else total,
            key=f"{low}+{high}",
        )

    def chance(self, metric: str, item: Item) -> float | None:
        """Of the numbers that a sum can be."""
        return 1 / (2 * 10**self.digits - 1) if metric == "exact_match" else None
