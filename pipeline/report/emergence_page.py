"""From a ladder's reading to the page of ``lexmill ladder``."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence

from markupsafe import Markup

from components.emergence_report.prediction import Outcome
from components.emergence_report.report import EmergenceReading, Point, TaskReading
from components.emergence_report.verdict import LEARNT
from pipeline.config import PipelineConfig
from pipeline.report import templates
from pipeline.report.chart import number
from pipeline.report.ladder_chart import LadderChart, Line, Mark, svg
from pipeline.report.page import Row, duration

METRICS = {
    "exact_match": "exact match",
    "pass_at_1": "pass@1",
    "accuracy": "right choice",
    "token_accuracy": "right tokens",
    "token_probability": "probability per token",
}


@dataclasses.dataclass(frozen=True)
class TaskSection:
    """What the page says of a task."""

    label: str
    note: str
    charts: list[tuple[str, Markup]]
    readings: list[TaskReading]
    comparison: str
    """Of the families, in words."""


def render(config: PipelineConfig, reading: EmergenceReading, failures: Sequence[str]) -> str:
    """The whole page."""
    return templates.render(
        "emergence.html.j2",
        {"number": number, "metric": _metric, "threshold": _threshold},
        pipeline=config.name,
        facts=list(_facts(reading)),
        failures=list(failures),
        sections=[_section(reading, label) for label in reading.labels],
        outcomes=[(outcome, list(_outcome(outcome))) for outcome in reading.outcomes],
        bound=config.ladder.require_prediction_within,
        models=list(_models(reading)),
        loss_chart=Markup(_loss_chart(reading)),
        overviews=[(family, overview(reading, family)) for family in families(reading)],
    )


def _facts(reading: EmergenceReading) -> Iterator[Row]:
    records = reading.records
    yield Row("models", str(len(records)))
    seeds = {record.seed for record in records}
    yield Row("seeds of each size", str(len(seeds)))
    yield Row("parameters outside the embeddings", _span([record.num_parameters for record in records]))
    compute = [record.compute for record in records]
    yield Row("compute, FLOPs", f"{min(compute):.2g} to {max(compute):.2g}")
    yield Row("time of all trainings", duration(sum(record.training_seconds for record in records)))
    emergent = [f"{task.label} ({task.family})" for task in reading.tasks if task.verdict == "emergent"]
    yield Row("emergent", ", ".join(emergent) or "none")


def _span(values: Sequence[float]) -> str:
    return f"{number(min(values))} to {number(max(values))}"


def _section(reading: EmergenceReading, label: str) -> TaskSection:
    readings = reading.of(label)
    first = readings[0]
    chance = first.chance
    charts = [
        ("against compute", _chart(readings, "compute")),
        ("against held-out loss", _chart(readings, "loss")),
    ]
    likelihood = _likelihood_chart(readings)
    if likelihood:
        charts.append(("log-probability of the target", likelihood))
    note = (
        f"{first.num_items:,} items; a guess scores {chance:.3g}; {first.mean_target_tokens:.1f} tokens must "
        "be right on average, the end among them"
    )
    return TaskSection(label, note, charts, readings, _comparison(readings))


def _chart(readings: Sequence[TaskReading], axis: str) -> Markup:
    lines = []
    for colour, task in enumerate(readings):
        points = sorted(task.points, key=lambda point: getattr(point, axis))
        sharp = [_mark(task, point, axis, is_sharp=True) for point in points]
        smooth = [_mark(task, point, axis, is_sharp=False) for point in points]
        lines.append(Line(f"{task.family}: {_metric(task.sharp_metric)}", sharp, colour))
        lines.append(Line(f"{task.family}: {_metric(task.smooth_metric)}", smooth, colour, is_dashed=True))
    is_loss = axis == "loss"
    threshold = next((task.threshold for task in readings if task.threshold), None) if is_loss else None
    return Markup(
        svg(
            LadderChart(
                title=readings[0].label,
                axis="held-out loss, nats per token (better to the right)"
                if is_loss
                else "FLOPs of training, C = 6ND",
                lines=lines,
                is_log=not is_loss,
                is_falling=is_loss,
                chance=readings[0].chance,
                rule=(threshold.loss, f"threshold {threshold.loss:.3g}") if threshold else None,
            )
        )
    )


def _mark(task: TaskReading, point: Point, axis: str, *, is_sharp: bool) -> Mark:
    value = point.sharp if is_sharp else point.smooth
    low, high = (point.sharp_low, point.sharp_high) if is_sharp else (point.smooth_low, point.smooth_high)
    metric = task.sharp_metric if is_sharp else task.smooth_metric
    title = (
        f"{task.family} {point.rung}: {_metric(metric)} {value:.3f} ({low:.3f} to {high:.3f}), "
        f"{point.compute:.3g} FLOPs, loss {point.loss:.3f}"
    )
    if is_sharp and point.seeds > 1:
        title += f", seeds {', '.join(f'{each:.3f}' for each in point.by_seed)}"
    return Mark(getattr(point, axis), value, low, high, title)


def _likelihood_chart(readings: Sequence[TaskReading]) -> Markup | None:
    lines, values = [], [0.0]
    for colour, task in enumerate(readings):
        known = [(point, point.log_probability) for point in task.points if point.log_probability is not None]
        marks = [
            Mark(point.compute, value, None, None, f"{task.family} {point.rung}: {value:.3f} nats per token")
            for point, value in known
        ]
        if marks:
            lines.append(Line(task.family, marks, colour, is_dashed=True))
            values += [value for _, value in known]
    if not lines:
        return None
    axis = "FLOPs of training, C = 6ND"
    return Markup(
        svg(LadderChart(readings[0].label, axis, lines, is_log=True, least=min(values), greatest=0.0))
    )


def _loss_chart(reading: EmergenceReading) -> str:
    lines = []
    for colour, family in enumerate(families(reading)):
        marks = [
            Mark(
                record.compute,
                record.loss,
                None,
                None,
                f"{family} {record.name}, seed {record.seed}: {record.loss:.3f}",
            )
            for record in reading.records
            if record.family == family
        ]
        lines.append(Line(family, marks, colour))
    losses = [record.loss for record in reading.records]
    return svg(
        LadderChart(
            "Held-out loss", "FLOPs of training, C = 6ND", lines, is_log=True,
            least=min(0.0, *losses), greatest=max(losses) * 1.05,
        )
    )  # fmt: skip


def overview(reading: EmergenceReading, family: str) -> Markup:
    """All tasks of a family by their sharp metrics."""
    of_family = [task for task in reading.tasks if task.family == family]
    lines = [
        Line(task.label, [_mark(task, point, "compute", is_sharp=True) for point in task.points], colour)
        for colour, task in enumerate(of_family)
    ]
    return Markup(svg(LadderChart(f"All tasks, {family}", "FLOPs of training, C = 6ND", lines, is_log=True)))


def families(reading: EmergenceReading) -> list[str]:
    """In the order of the page."""
    return list(dict.fromkeys(task.family for task in reading.tasks))


def _comparison(readings: Sequence[TaskReading]) -> str:
    """Which family gets there with how much compute."""
    if len(readings) < 2:
        return ""
    told = []
    for task in readings:
        bar = task.chance + LEARNT * (1.0 - task.chance)
        reached = [point for point in task.points if point.sharp >= bar]
        if reached:
            told.append(f"the {task.family} from {reached[0].compute:.2g} FLOPs ({reached[0].rung})")
        else:
            most = max(task.points, key=lambda point: point.compute)
            told.append(f"the {task.family} not up to {most.compute:.2g} FLOPs (best {task.best:.0%})")
    return f"Learnt, half of what there is above a guess: {'; '.join(told)}."


def _outcome(outcome: Outcome) -> Iterator[tuple[str, str, str, bool]]:
    """(what, predicted, found, within)."""
    predicted = outcome.prediction
    loss = predicted.loss
    yield (
        "loss",
        f"{loss.value:.3f} ({loss.low:.3f} to {loss.high:.3f})",
        f"{outcome.loss:.3f}",
        loss.holds(outcome.loss),
    )
    for label, found in outcome.tasks.items():
        score = predicted.tasks[label]
        words = f"{score.value:.2f} ({score.low:.2f} to {score.high:.2f})"
        yield label, words, f"{found:.2f}", score.holds(found)


def _models(reading: EmergenceReading) -> Iterator[tuple[str, list[str]]]:
    order = families(reading)
    for record in sorted(reading.records, key=lambda record: order.index(record.family)):
        yield (
            f"{record.family} {record.name}",
            [
                str(record.seed), f"{record.num_parameters:,}", f"{record.num_tokens:,}",
                f"{record.compute:.3g}", f"{record.loss:.3f}", f"{record.bits_per_byte:.3f}",
                duration(record.training_seconds),
            ],
        )  # fmt: skip


def _metric(name: str) -> str:
    return METRICS.get(name, name.replace("_", " "))


def _threshold(task: TaskReading) -> str:
    found = task.threshold
    if found is None:
        return "none seen"
    return f"{found.loss:.3f} (between {found.last_at_chance:.3f} and {found.first_above:.3f})"
