"""Arithmetic modulo a number: ``85+31 mod 97=19``.

The task on which grokking was first seen (Power et al., arXiv 2201.02177). The space is small, so how much of
it is for evaluation is a setting of the experiment: with ``evaluation_percent = 50`` the model may see half
of all pairs. In that paper a residue is a token, of which nothing tells what number it stands for; so it is
here with ``symbols = "characters"`` and a tokenizer of characters: modulo 47, ``Z + X=L`` is 35 + 33 = 21.
"""

from __future__ import annotations

import random
import string
from typing import ClassVar, Literal, final

from pydantic import Field, model_validator

from components.task_evaluator.generated import GeneratedTask
from components.task_evaluator.task import Item

CHARACTERS = string.digits + string.ascii_uppercase + string.ascii_lowercase
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
    symbols: Literal["numbers", "characters"] = "numbers"
    """How a residue is written. ``characters``: as one of `CHARACTERS`, the modulus unsaid."""

    @model_validator(mode="after")
    def _there_are_as_many_characters(self) -> ModularArithmetic:
        if self.symbols == "characters" and self.modulus > len(CHARACTERS):
            raise ValueError(
                f'modulus = {self.modulus}: at most {len(CHARACTERS)} with symbols = "characters"'
            )
        return self

    def draw(self, source: random.Random) -> Item:
        first, second = source.randrange(self.modulus), source.randrange(self.modulus)
        low, high = (first, second) if self.operation == "-" else sorted((first, second))
        result = _OPERATIONS[self.operation](first, second) % self.modulus
        key = f"{low}{self.operation}{high} mod {self.modulus}"
        if self.symbols == "characters":
            prompt = f"{CHARACTERS[first]} {self.operation} {CHARACTERS[second]}="
            return Item(prompt=prompt, target=CHARACTERS[result], key=key)
        prompt = f"{first}{self.operation}{second} mod {self.modulus}="
        return Item(prompt=prompt, target=str(result), key=key)

    def chance(self, metric: str, item: Item) -> float | None:
        """Of the residues."""
        return 1 / self.modulus if metric == "exact_match" else None
