"""Parity: whether a string of bits has an odd number of ones, ``10110=1``.

A function of which no proper part of the input tells anything, and the standing example of one that gradient
descent finds all at once or not at all (Barak et al., "Hidden Progress in Deep Learning", arXiv 2207.08799).
"""

from __future__ import annotations

import random
from typing import ClassVar, Literal, final

from pydantic import Field

from components.task_evaluator.generated import GeneratedTask
from components.task_evaluator.task import Item


@final
class Parity(GeneratedTask):
    """Strings of ``length`` bits."""

    max_answer_chars: ClassVar[int] = 2

    task: Literal["parity"] = "parity"
    length: int = Field(default=8, ge=2, le=1000)
    """Bits."""

    def draw(self, source: random.Random) -> Item:
        bits = "".join(source.choice("01") for _ in range(self.length))
        return Item(prompt=f"{bits}=", target=str(bits.count("1") % 2), choices=("0", "1"))
