"""The tasks' report (`components.task_evaluator.results`) as lines of a page."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

from markupsafe import Markup

from components.task_evaluator.results import MetricValue, Sample, TaskReport, TaskResult
from pipeline.evaluation.figures import between, number
from pipeline.report.intervals import interval_bar

_SHOWN = 3
"""Samples of each kind, right and wrong."""


@dataclasses.dataclass(frozen=True)
class TaskLine:
    """One metric of one task."""

    name: str
    figures: tuple[str, ...]
    drawing: Markup
    note: str = ""


@dataclasses.dataclass(frozen=True)
class TaskTable:
    """One task: its metrics, the sharp ones first, and what the model answered."""

    label: str
    note: str
    lines: list[TaskLine]
    right: list[Sample]
    wrong: list[Sample]


def tables(report: TaskReport, previous: TaskReport | None) -> Iterator[TaskTable]:
    """A table a task; beside each value that of ``previous``, where it was asked the same."""
    labels = {result.label: result for result in previous.results} if previous else {}
    for result in report.results:
        before = labels.get(result.label)
        if before is not None and before.version != result.version:
            before = None
        metrics = sorted(result.metrics.items(), key=lambda item: not item[1].sharp)
        yield TaskTable(
            label=result.label,
            note=f"{result.num_items:,} items, {result.shots} shots, version {result.version}",
            lines=[_line(name, value, before) for name, value in metrics],
            right=[sample for sample in result.samples if sample.right][:_SHOWN],
            wrong=[sample for sample in result.samples if not sample.right][:_SHOWN],
        )


def _line(name: str, value: MetricValue, before: TaskResult | None) -> TaskLine:
    reference = before.metrics.get(name) if before else None
    figures = (
        number(value.value),
        between((value.low, value.high)),
        "-" if value.chance is None else number(value.chance),
        "-" if reference is None else number(reference.value),
    )
    marks = [(value.chance, "c2", "chance")] if value.chance is not None else []
    marks += [(reference.value, "c1", "previous")] if reference is not None else []
    ends = [value.low, value.high, *(mark[0] for mark in marks)]
    scale = (min(0.0, *ends), max(1.0, *ends))
    drawing = Markup(interval_bar(value.value, (value.low, value.high), scale, marks))
    return TaskLine(name.replace("_", " "), figures, drawing)
