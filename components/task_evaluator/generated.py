"""Tasks whose items are drawn from a seed: offline, without end, and apart from any training text.

The space of a task's questions is cut in two by a hash of each question: some are for evaluation only, the
others for shots and for training texts. So a model that was trained on `GeneratedTask.training_documents`, of
whatever seed, has seen none of the items that it is asked.
"""

from __future__ import annotations

import abc
import hashlib
import itertools
import random
from collections.abc import Callable, Iterator

from pydantic import Field

from components.task_evaluator.settings import TaskSettings
from components.task_evaluator.task import Item

_DRAWS_PER_ITEM = 200
"""A space has run dry when so many draws on end gave nothing new."""


class GeneratedTask(TaskSettings, abc.ABC):
    """A task that can draw a question."""

    evaluation_percent: int = Field(default=10, ge=1, le=90)
    """Share of the possible questions that only evaluation sees; shots and training texts have the others."""

    @abc.abstractmethod
    def draw(self, source: random.Random) -> Item:
        """Any question of the task's space."""

    def draw_text(self, source: random.Random) -> Item:
        """A question as a training text has it: by default as it is asked."""
        return self.draw(source)

    def items(self, seed: int, count: int) -> tuple[Item, ...]:
        """Different questions of evaluation's part; fewer than ``count`` where the part is smaller."""
        found: dict[str, Item] = {}
        misses = 0
        source = self._source("items", seed)
        while True:
            item = self.draw(source)
            if self.is_for_evaluation(item) and item.identity not in found:
                found[item.identity] = item
                misses = 0
            else:
                misses += 1
            if len(found) == count or misses == _DRAWS_PER_ITEM * 100 // self.evaluation_percent:
                break
        return tuple(found.values())

    def training_items(self, seed: int, count: int) -> Iterator[Item]:
        """``count`` questions of the other part, one drawn as the other: some may come twice."""
        source = self._source("training", seed)
        return itertools.islice(self._of_training(self.draw_text, source), count)

    def training_documents(self, seed: int, count: int, examples: int = 1) -> Iterator[str]:
        """``count`` texts of ``examples`` questions each, with their answers, in the task's own format."""
        drawn = self.training_items(seed, count * examples)
        return ("".join(self.shown(next(drawn)) for _ in range(examples)) for _ in range(count))

    def shots_for(self, item: Item, count: int, seed: int) -> tuple[Item, ...]:
        """The same for every item, so that the model reads them once."""
        return tuple(itertools.islice(self._of_training(self.draw, self._source("training", seed)), count))

    def is_for_evaluation(self, item: Item) -> bool:
        digest = hashlib.sha256(f"{self.task} {item.identity}".encode()).digest()
        return int.from_bytes(digest, "big") % 100 < self.evaluation_percent

    def _of_training(self, draw: Callable[[random.Random], Item], source: random.Random) -> Iterator[Item]:
        drawn = (draw(source) for _ in itertools.count())
        return (item for item in drawn if not self.is_for_evaluation(item))
