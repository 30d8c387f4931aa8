"""What the tasks found: ``tasks.json`` with each task's metrics, and ``items.jsonl`` with each item's.

The second is for whoever compares models: two models were asked the same items, which carry the same
`ItemScores.item`, and an interval for the difference, or for a mean over several seeds, needs the values
item by item.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from pydantic import Field
from tfx.dsl.io import fileio

from models.config import Settings

FILE = "tasks.json"
ITEMS_FILE = "items.jsonl"


class MetricValue(Settings):
    """One metric over the items of a task."""

    value: float
    low: float
    """Lower end of the 95 % interval of the bootstrap over items."""
    high: float
    chance: float | None
    """What answers drawn at random would get; None where that is not defined."""
    sharp: bool
    """An item is right or wrong, as against a measure that grows with every token that becomes likelier."""
    higher_is_better: bool


class Sample(Settings):
    """One item and what the model made of it."""

    prompt: str
    """All that the model was given, the shots included."""
    target: str
    answer: str
    right: bool


class TaskResult(Settings):
    """One task, asked with one number of shots."""

    task: str
    """The kind of task, such as ``addition``."""
    label: str
    """Tells apart the entries of one report: the task with the parameters that are not the defaults, and
    the shots."""
    version: int
    """Of the task. Numbers of two versions are not to be compared."""
    parameters: dict[str, Any]
    """The task's own settings."""
    shots: int
    num_items: int
    num_cut: int = 0
    """Items whose prompt did not fit the context with all its shots: they were asked with fewer, and where
    even one alone did not fit, with the prompt's end."""
    mean_target_tokens: float
    """The mark that ends an answer included."""
    metrics: dict[str, MetricValue]
    samples: tuple[Sample, ...] = ()


class TaskReport(Settings):
    """All tasks of one model."""

    family: str
    num_parameters: int
    training_tokens: int
    weights_sha256: str
    """The model's identity, as in its manifest."""
    seed: int
    """Of the items, the shots and the bootstrap."""
    started: str
    """Local time, ISO 8601."""
    seconds: float
    blessed: bool = True
    failures: tuple[str, ...] = ()
    """Why not: task, metric, value and bound, a sentence each."""
    results: tuple[TaskResult, ...]

    def verdict(self) -> str:
        """One line."""
        found = [
            f"{result.label} {name} {metric.value:.3g}"
            for result in self.results
            for name, metric in result.metrics.items()
            if metric.sharp and name != "accuracy_per_byte"
        ]
        line = f"{len(self.results)} tasks: {', '.join(found)}"
        if self.blessed:
            return line
        return f"{line}: NOT blessed: {'; '.join(self.failures)}"

    def result(self, label: str) -> TaskResult:
        """The entry of that label."""
        return next(result for result in self.results if result.label == label)


class ItemScores(Settings):
    """One line of `ITEMS_FILE`."""

    label: str
    """Of the `TaskResult` that it belongs to."""
    item: str
    """The same for the same item of a task, whatever the model and the seed."""
    subject: str = ""
    target_tokens: int
    answer: str
    metrics: dict[str, float] = Field(default_factory=dict)
    """By the names of `TaskResult.metrics`, whose values are these values' means, but for BLEU, which is of
    the whole corpus there and of the sentence here."""


def write(directory: str, report: TaskReport, items: Sequence[ItemScores]) -> None:
    """Both files; the folder is made."""
    fileio.makedirs(directory)
    with fileio.open(f"{directory}/{ITEMS_FILE}", "w") as file:
        for item in items:
            file.write(item.model_dump_json() + "\n")
    with fileio.open(f"{directory}/{FILE}", "w") as file:
        file.write(report.model_dump_json(indent=2) + "\n")


def read(directory: str) -> TaskReport:
    with fileio.open(f"{directory}/{FILE}") as file:
        return TaskReport.model_validate_json(file.read())


def read_items(directory: str) -> Iterator[ItemScores]:
    """In the order of the report's results, and of a task's items."""
    with fileio.open(f"{directory}/{ITEMS_FILE}") as file:
        for line in file.read().splitlines():
            yield ItemScores.model_validate_json(line)
