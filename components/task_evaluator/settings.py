"""Settings that every task has, and how most tasks read an answer."""

from __future__ import annotations

import random
from typing import Any, ClassVar

from pydantic import Field, model_validator

from components.task_evaluator import metrics
from components.task_evaluator.task import Item, Kind
from models.config import Settings


class Bound(Settings):
    """What a metric has to reach for the model to be blessed."""

    metric: str = Field(min_length=1)
    """One of the task's metrics."""
    at_least: float | None = None
    at_most: float | None = None

    @model_validator(mode="after")
    def _has_one_side(self) -> Bound:
        if (self.at_least is None) == (self.at_most is None):
            raise ValueError("a bound has either at_least or at_most")
        return self


class TaskSettings(Settings):
    """A task's entry in the configuration; the tasks add fields of their own, and `Task`'s methods."""

    version: ClassVar[int] = 1
    kind: ClassVar[Kind] = "generation"
    end: ClassVar[str] = "\n"
    right_metric: ClassVar[str] = metrics.EXACT_MATCH
    bleu_tokenizer: ClassVar[str] = ""

    task: str
    """Which task."""
    label: str = ""
    """Names this entry in reports; when left out, the task with what is not the default."""
    shots: int = Field(default=0, ge=0, le=100)
    """Examples with their answers that are shown before each item."""
    num_items: int | None = Field(default=None, ge=1)
    """How many items are asked; ``tasks.num_items`` when left out."""
    bounds: tuple[Bound, ...] = ()
    """What the model must reach to be pushed: ``{ metric = "exact_match", at_least = 0.9 }``."""

    @model_validator(mode="before")
    @classmethod
    def _labelled(cls, values: Any) -> Any:
        if not isinstance(values, dict) or values.get("label"):
            return values
        own = {name: value for name, value in values.items() if name in cls.parameter_names()}
        given = [
            f"{name}={value}" for name, value in own.items() if value != cls.model_fields[name].get_default()
        ]
        label = f"{cls.model_fields['task'].get_default()}{''.join(f' {each}' for each in given)}"
        shots = values.get("shots") or 0
        return {**values, "label": f"{label} {shots}-shot" if shots else label}

    @classmethod
    def parameter_names(cls) -> list[str]:
        """Fields that only this task has."""
        return [name for name in cls.model_fields if name not in TaskSettings.model_fields]

    def parameters(self) -> dict[str, Any]:
        """The settings that only this task has, as JSON has them."""
        dumped = self.model_dump(mode="json")
        return {name: dumped[name] for name in self.parameter_names() if name in dumped}

    def samples(self) -> tuple[str, ...]:
        """Sample corpora that hold its items."""
        return ()

    def _source(self, purpose: str, seed: int) -> random.Random:
        """Random numbers of this kind of task, others for each purpose and seed."""
        return random.Random(f"{self.task} {purpose} {seed}")

    def files(self) -> tuple[str, ...]:
        """Files that its items are in: what decontamination keeps out of the training text."""
        return ()

    def shown(self, item: Item) -> str:
        """A question with its answer, as a shot and as a training text: the next one begins a new line."""
        text = f"{item.prompt}{item.target}{self.end}"
        return text if text.endswith("\n") else f"{text}\n"

    def answer(self, text: str, ended: bool) -> str | None:
        """What stands before the task's end; the whole text where the model ended it."""
        before, end, _ = text.partition(self.end) if self.end else (text, "", "")
        return before if end or ended else None

    def is_right(self, item: Item, answer: str) -> bool:
        return answer == item.target

    def chance(self, metric: str, item: Item) -> float | None:
        """Of the choices, if there are any."""
        num = len(item.choices)
        if not num:
            return None
        sharp = (metrics.EXACT_MATCH, metrics.ACCURACY, metrics.ACCURACY_PER_BYTE)
        return 1 / num if metric in sharp else 1 - 1 / num if metric == metrics.BRIER else None
