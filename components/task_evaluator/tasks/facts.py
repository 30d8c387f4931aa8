"""Facts: ``4 qzxv:`` goes on with ``k``, which only a training text could tell.

The one generated task of knowledge: names and values are drawn at random, so nothing but having read them
helps, and what is asked *is* in the training text. Some facts stand there far more often than others, each
``spread`` to the power of ``-i / (facts - 1)`` as often as the first, so that from the commonest to the
rarest every halving takes as many facts. If each is learnt after so many readings, as in the quantization
model of Michaud et al. (arXiv 2303.13506), every doubling of what a model takes in adds the same share of
them: a score that is even in the logarithm of compute, and the known answer *smooth* of a ladder (README,
Emergent abilities).

The digit before the name is drawn anew each time and says nothing: it makes of one fact ten texts, so that
the split by a text's hash takes no fact out of training.
"""

from __future__ import annotations

import bisect
import itertools
import random
import string
from collections.abc import Iterator
from functools import cached_property
from typing import ClassVar, Literal, final

from pydantic import Field

from components.task_evaluator.generated import GeneratedTask
from components.task_evaluator.task import Item

VALUES = string.digits + string.ascii_lowercase
_NAME_LETTERS = 4


@final
class Facts(GeneratedTask):
    """``facts`` names of four letters, each with a value of one character. ``evaluation_percent`` changes
    nothing: all are asked, and all are for training."""

    max_answer_chars: ClassVar[int] = 1

    task: Literal["facts"] = "facts"
    facts: int = Field(default=200, ge=2, le=100_000)
    """Names. The same settings are the same facts, whatever the seed: that draws the order in which they are
    asked."""
    spread: float = Field(default=2000.0, ge=1.0)
    """How many times as often the commonest stands in training texts as the rarest."""

    def draw(self, source: random.Random) -> Item:
        """One as a training text has it: the commonest most often."""
        sums = self._frequency_sums
        return self._item(bisect.bisect(sums, source.random() * sums[-1]), source)

    def training_items(self, seed: int, count: int) -> Iterator[Item]:
        """``count`` texts in which each fact stands as often as its share says, to the nearest whole."""
        source, sums = self._source("training", seed), self._frequency_sums
        offset = source.random()
        chosen = [bisect.bisect(sums, (index + offset) / count * sums[-1]) for index in range(count)]
        source.shuffle(chosen)
        return (self._item(index, source) for index in chosen)

    def items(self, seed: int, count: int) -> tuple[Item, ...]:
        """Of all facts, rare or not, each as likely as another; no hash keeps one from training."""
        source = self._source("items", seed)
        chosen = source.sample(range(self.facts), min(count, self.facts))
        return tuple(self._item(index, source) for index in chosen)

    def shots_for(self, item: Item, count: int, seed: int) -> tuple[Item, ...]:
        """Of another world's names: they show the format, and answer nothing."""
        source = self._source("shots", seed)
        known = {name for name, _ in self._world}
        made_up = ((name, source.choice(VALUES)) for name in _names(source) if name not in known)
        return tuple(_asked(name, value, source) for name, value in itertools.islice(made_up, count))

    def is_for_evaluation(self, item: Item) -> bool:
        """Every fact is for training, too."""
        return False

    def chance(self, metric: str, item: Item) -> float | None:
        """Of the values."""
        return 1 / len(VALUES) if metric == "exact_match" else None

    def _item(self, index: int, source: random.Random) -> Item:
        return _asked(*self._world[index], source)

    @cached_property
    def _world(self) -> list[tuple[str, str]]:
        """Names with their values, the commonest first."""
        source = random.Random(f"{self.task} world {self.facts}")
        names: dict[str, str] = {}
        for name in _names(source):
            names.setdefault(name, source.choice(VALUES))
            if len(names) == self.facts:
                break
        return list(names.items())

    @cached_property
    def _frequency_sums(self) -> list[float]:
        """How often they stand in training texts, relative to the first, added up."""
        return list(
            itertools.accumulate(self.spread ** (-index / (self.facts - 1)) for index in range(self.facts))
        )


def _names(source: random.Random) -> Iterator[str]:
    while True:
        yield "".join(source.choices(string.ascii_lowercase, k=_NAME_LETTERS))


def _asked(name: str, value: str, source: random.Random) -> Item:
    return Item(prompt=f"{source.choice(string.digits)} {name}:", target=value, key=name)
