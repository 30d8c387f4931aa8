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

    task: Literal["induction"] = "induction"
    length: int = Field(default=8, ge=2, le=26)
    """Letters before the repeated one."""
    spaced: bool = True
    """Whether a space stands before each letter, which makes it a token of its own with most tokenizers.
    Without, for one of characters: ``repeat dkaqfd``."""

    @property
    def max_answer_chars(self) -> int:
        return 2 if self.spaced else 1

    def draw(self, source: random.Random) -> Item:
        letters, place = _sequence(source, self.length)
        choices = tuple(self._written(letter) for letter in letters if letter != letters[place])
        return self._item(letters, place, letters[place + 1], choices)

    def draw_text(self, source: random.Random) -> Item:
        """Of two letters to ``length``, and with all that followed the first time: a text has several letters
        to learn from, and the short ones are where it begins."""
        letters, place = _sequence(source, source.randint(2, self.length))
        return self._item(letters, place, letters[place + 1 :])

    def answer(self, text: str, ended: bool) -> str | None:
        """The next letter; what comes after it is not asked."""
        letter = text[: self.max_answer_chars]
        return letter if ended or len(letter) == self.max_answer_chars else None

    def _item(self, letters: str, place: int, target: str, choices: tuple[str, ...] = ()) -> Item:
        before = "" if self.spaced else " "
        return Item(
            prompt=f"repeat{before}{self._written(letters)}{self._written(letters[place])}",
            target=self._written(target),
            choices=choices,
            key=letters,
        )

    def _written(self, letters: str) -> str:
        return symbols.joined(letters) if self.spaced else letters


def _sequence(source: random.Random, length: int) -> tuple[str, int]:
    """Different letters, and which of them comes again: not the last."""
    return "".join(source.sample(symbols.LETTERS, length)), source.randrange(length - 1)
