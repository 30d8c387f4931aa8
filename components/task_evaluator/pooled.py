"""Tasks whose items are in a pool: read from somewhere, some to ask and others to show.

A document is held out of training by a hash of its text (`corpus_gen.splitting`), so whether a pair or a
question was in some corpus's test split is known from the text alone, in the form that the corpus gives it:
an item that a sample's model was trained on is never asked.
"""

from __future__ import annotations

import abc
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from components.corpus_gen import splitting
from components.task_evaluator.settings import TaskSettings
from components.task_evaluator.task import Item


class Pools(NamedTuple):
    """Where a task takes its items from."""

    asked: Sequence[Item]
    shown: Sequence[Item]
    """For shots."""


class PooledTask(TaskSettings, abc.ABC):
    """A task that has all its items at hand."""

    @abc.abstractmethod
    def pools(self, seed: int) -> Pools:
        """Both in an order of their own; ``seed`` is for what is drawn beside, such as wrong choices."""

    def items(self, seed: int, count: int) -> tuple[Item, ...]:
        """Different items, drawn by the seed; all that there are where ``count`` is more."""
        asked = list({item.identity: item for item in self.pools(seed).asked}.values())
        return tuple(self._source("items", seed).sample(asked, min(count, len(asked))))

    def shots_for(self, item: Item, count: int, seed: int) -> tuple[Item, ...]:
        """The same for every item but those that would show themselves."""
        shown = self.pools(seed).shown
        drawn = self._source("shots", seed).sample(shown, min(count + 1, len(shown)))
        return tuple(shot for shot in drawn if shot.identity != item.identity)[:count]


def held_out(items: Iterable[Item], test_percent: int, end: str = "") -> Pools:
    """Parts the items as the corpus does its documents, a prompt and its target each: those of the test split
    are asked, the others shown. Of a prompt that has targets in both parts, the ones held out are left out.
    With 100 percent all are asked, and shown before others."""
    everything = list(items)
    if test_percent == 100:
        return Pools(everything, everything)
    shares = {"rest": splitting.NUM_BUCKETS - test_percent, "test": test_percent}
    parts: tuple[list[Item], list[Item]] = ([], [])
    for item in everything:
        parts[splitting.index(f"{item.prompt}{item.target}{end}", shares)].append(item)
    shown_prompts = {item.prompt for item in parts[0]}
    return Pools([item for item in parts[1] if item.prompt not in shown_prompts], parts[0])
