"""Arithmetic modulo a number, ``85+31 mod 97=19``: the task on which grokking was first seen (Power et al.,
arXiv 2201.02177).

The space is small, so how much of it is for evaluation is a setting of the experiment: with
``evaluation_percent = 50`` the model may see half of all pairs.
"""

from __future__ import annotations

import random
from typing import ClassVar, Literal, final

from pydantic import Field

from components.task_evaluator.generated import GeneratedTask
from components.task_evaluator.task import Item

_OPERATIONS = {
    "+": lambda first, second: first + second,
    "-": lambda first, second: first - second,
    "*": lambda first, second: first * second,
}


@final
class ModularArithmetic(GeneratedTask):
    """Pairs of residues. ``3+5`` and ``5+3`` are one question, and so with products."""

    max_answer_chars: ClassVar[int] = 5

    task: Literal["modular_arithmetic"] = "modular_arithmetic"
    operation: Literal["+", "-", "*"] = "+"
    """What is done with the two."""
    modulus: int = Field(default=97, ge=2, le=9999)
    """The numbers, and the answer, are from 0 to one less."""

    def draw(self, source: random.Random) -> Item:
        first, second = source.randrange(self.modulus), source.randrange(self.modulus)
        low, high = (first, second) if self.operation == "-" else sorted((first, second))
        return Item(
            prompt=f"{first}{self.operation}{second} mod {self.modulus}=",
            target=str(_OPERATIONS[self.operation](first, second) % self.modulus),
            key=f"{low}{self.operation}{high} mod {self.modulus}",
        )

    def chance(self, metric: str, item: Item) -> float | None:
        """Of the residues."""
        return 1 / self.modulus if metric == "exact_match" else None
