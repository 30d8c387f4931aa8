"""What a task is: items to ask, shots to show, and what counts as right.

A task is text alone. It knows neither tokens nor models, and its module imports neither TFX, Beam nor
TensorFlow; `tasks.catalog` lists those that there are. The model reads the shots, each with its answer, and
then the item's prompt. For an addition with one shot::

    17+24=41        a shot: prompt "17+24=", target "41", end "\\n"
    38+45=          the item's prompt; right is the target "83" and then the end

What the model is asked in likelihoods is the target *with* the end, since an answer that does not end is
wrong: so the text "83\\n" is as likely as the product over its tokens says, and greedy generation is right if
each of these tokens is the likeliest.
"""

from __future__ import annotations

import dataclasses
from typing import Literal, Protocol

Kind = Literal["generation", "choices"]


@dataclasses.dataclass(frozen=True)
class Item:
    """One question."""

    prompt: str
    target: str
    """The right continuation, without the end; one of ``choices`` where there are any."""
    choices: tuple[str, ...] = ()
    """Continuations to choose from by their likelihood."""
    subject: str = ""
    """A slice within the task."""
    key: str = ""
    """What makes two items the same question, where that is less than the prompt: ``3+5`` and ``5+3``."""
    check: str = ""
    """What `Task.is_right` needs besides the answer: a program's tests."""

    @property
    def identity(self) -> str:
        return self.key or self.prompt


class Task(Protocol):
    """What the evaluation asks of a task."""

    @property
    def task(self) -> str:
        """The kind, as the configuration names it."""

    @property
    def version(self) -> int:
        """One more whenever the same settings and seed give other items or another notion of right."""

    @property
    def kind(self) -> Kind:
        """``generation``: the model writes an answer; if its items have choices, those are weighed, too.
        ``choices``: they are weighed only."""

    @property
    def end(self) -> str:
        """What follows an answer: a line end, mostly. Empty: nothing has to."""

    @property
    def max_answer_chars(self) -> int:
        """A longer answer is cut off."""

    @property
    def right_metric(self) -> str:
        """Under which name of `metrics.METRICS` `is_right` is reported."""

    @property
    def bleu_tokenizer(self) -> str:
        """Of sacrebleu's, if answers are compared by BLEU and chrF; else empty."""

    def items(self, seed: int, count: int) -> tuple[Item, ...]:
        """At most ``count`` items for evaluation, all different: fewer where there are no more."""

    def shots_for(self, item: Item, count: int, seed: int) -> tuple[Item, ...]:
        """``count`` items to show before ``item``, none of them one of `items`. Where they do not depend on
        the item, the model reads them once."""

    def shown(self, item: Item) -> str:
        """A question with its answer, as it is shown before another."""

    def answer(self, text: str, ended: bool) -> str | None:
        """The answer in what the model wrote so far; None while it may go on. ``ended``: the model ended
        the text itself."""

    def is_right(self, item: Item, answer: str) -> bool: ...

    def chance(self, metric: str, item: Item) -> float | None:
        """What an answer drawn at random from those that the format admits would get on an item."""
