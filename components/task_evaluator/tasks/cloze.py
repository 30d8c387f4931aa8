"""Cloze: the next word of held-out prose, as LAMBADA asks it (Paperno et al., arXiv 1606.06031), but of any
word.

The passages are from the test split of the pipeline's own corpus, which only evaluation sees.
"""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from typing import ClassVar, Literal, final

from pydantic import Field

from components.errors import StageError
from components.task_evaluator.pooled import PooledTask, Pools
from components.task_evaluator.task import Item

_WORD = re.compile(r"[^\W\d_]+")


@final
class Cloze(PooledTask):
    """A passage; right is its next word. Words are letters between spaces and punctuation, so not for
    Chinese."""

    end: ClassVar[str] = ""
    max_answer_chars: ClassVar[int] = 40

    task: Literal["cloze"] = "cloze"
    context_words: int = Field(default=30, ge=1, le=1000)
    """Words of the passage before the one that is asked."""
    min_letters: int = Field(default=4, ge=1, le=20)
    """Shorter words, most of which grammar tells, are not asked."""
    documents: tuple[str, ...] = Field(default=(), exclude=True, repr=False)
    """Filled in by the pipeline."""

    def pools(self, seed: int) -> Pools:
        if not self.documents:
            raise StageError(
                f"{self.label}: needs held-out documents, and there are none: leave the task out"
            )
        items = [item for text in self.documents for item in self._of(text, seed)]
        if not items:
            raise StageError(
                f"{self.label}: no held-out document has {self.context_words} words in a row before one of "
                f"{self.min_letters} letters: set context_words or min_letters lower"
            )
        return Pools(items, items)

    def answer(self, text: str, ended: bool) -> str | None:
        """The first word, with the space before it, once something else follows."""
        found = re.match(r" ?[^\W\d_]+", text)
        if found and (found.end() < len(text) or ended):
            return found[0]
        return "" if not found and (ended or len(text) > 1) else None

    def is_right(self, item: Item, answer: str) -> bool:
        return answer == item.target

    def _of(self, text: str, seed: int) -> list[Item]:
        """One passage of a document, drawn by the seed."""
        words = list(_WORD.finditer(text))
        places = [
            place
            for place in range(self.context_words, len(words))
            if len(words[place][0]) >= self.min_letters
            and text[words[place - 1].end() : words[place].start()] == " "
        ]
        if not places:
            return []
        place = random.Random(f"{seed} {text}").choice(places)
        start, middle = words[place - self.context_words].start(), words[place - 1].end()
        return [Item(prompt=text[start:middle], target=f" {words[place][0]}")]


def with_documents(task: Cloze, documents: Sequence[str]) -> Cloze:
    """The task, over these texts."""
    return task.model_copy(update={"documents": tuple(documents)})
