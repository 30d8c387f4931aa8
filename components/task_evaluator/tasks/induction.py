"""Induction: ``d k a q f d`` goes on with ``k``, which followed the last ``d``.

The pattern A B … A -> B that two attention layers learn together, suddenly, in language models of any size
(Olsson et al., "In-context Learning and Induction Heads", arXiv 2209.11895). The letters are drawn anew for
each item, so nothing but the text before tells the answer. A sequence is one question, whichever letter comes
again.
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

    version: ClassVar[int] = 2
    end: ClassVar[str] = ""
    max_answer_chars: ClassVar[int] = 2

    task: Literal["induction"] = "induction"
    length: int = Field(default=8, ge=2, le=26)
    """Letters before the repeated one."""

    def draw(self, source: random.Random) -> Item:
        letters, place = self._drawn(source)
        choices = tuple(f" {letter}" for letter in letters if letter != letters[place])
        return _item(letters, place, letters[place + 1], choices)

    def draw_text(self, source: random.Random) -> Item:
        """With all that followed the letter the first time, so that a text has several letters to learn
        from."""
        letters, place = self._drawn(source)
        return _item(letters, place, letters[place + 1 :])

    def answer(self, text: str, ended: bool) -> str | None:
        """The next letter; what comes after it is not asked."""
        letter = text[: self.max_answer_chars]
        return letter if ended or len(letter) == self.max_answer_chars else None

    def _drawn(self, source: random.Random) -> tuple[str, int]:
        """The letters, and which of them comes again."""
        letters = "".join(source.sample(symbols.LETTERS, self.length))
        return letters, source.randrange(self.length - 1)


def _item(letters: str, place: int, target: str, choices: tuple[str, ...] = ()) -> Item:
    return Item(
        prompt=f"repeat{symbols.joined(letters)}{symbols.joined(letters[place])}",
        target=symbols.joined(target),
        choices=choices,
        key=letters,
    )
