"""From a ladder's reading to a few tables in Markdown, to be pasted where one tells of it.

A table a family: the models in columns by compute, a row for the loss and for each task, its exact match (or
whatever its sharp metric is) in per cent, the mean over the seeds, and the verdict with its reason; then what
was predicted, and came.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from components.emergence_report import verdict
from components.emergence_report.prediction import Outcome
from components.emergence_report.report import EmergenceReading, Point, TaskReading
from components.rung_recorder.record import RungRecord
from pipeline.report.emergence_page import families
from pipeline.report.page import duration

FILE = "emergence.md"


def render(reading: EmergenceReading) -> str:
    """The whole text."""
    parts = ["\n".join(_table(reading, family)) for family in families(reading)]
    parts += [_prediction(outcome) for outcome in reading.outcomes]
    records = reading.records
    seconds = sum(record.training_seconds for record in records)
    seeds = len({record.seed for record in records})
    varies = verdict.ONE_SEED if seeds == 1 else f" {seeds} seeds a rung."
    parts.append(f"{len(records)} models; all trainings took {duration(seconds)}.{varies}")
    return "\n\n".join(parts) + "\n"


def _table(reading: EmergenceReading, family: str) -> Iterator[str]:
    records = [record for record in reading.records if record.family == family]
    rungs = [_level(records, name) for name in dict.fromkeys(record.name for record in records)]
    yield _row(
        [family, *(f"{level[0].name}, {level[0].num_tokens / 1e6:.3g}M" for level in rungs), "verdict"]
    )
    yield _row(["---"] * (len(rungs) + 2))
    yield _row(["C = 6ND", *(_power_of_ten(level[0].compute) for level in rungs), ""])
    yield _row(["loss, nats per token", *(f"{_mean_loss(level):.3f}" for level in rungs), ""])
    for task in reading.tasks:
        if task.family == family:
            points = {point.rung: point for point in task.points}
            cells = [_score(points.get(level[0].name)) for level in rungs]
            yield _row([_name(task), *cells, f"{task.verdict}: {_begun_small(task.reason)}"])


def _level(records: Sequence[RungRecord], name: str) -> list[RungRecord]:
    """The rung's models, one a seed."""
    return [record for record in records if record.name == name]


def _mean_loss(level: Sequence[RungRecord]) -> float:
    return sum(record.loss for record in level) / len(level)


def _name(task: TaskReading) -> str:
    return f"{task.label} (a guess: {100 * task.chance:.2g})"


def _score(point: Point | None) -> str:
    if point is None:
        return ""
    seeds = f" ({', '.join(f'{100 * each:.0f}' for each in point.by_seed)})" if point.seeds > 1 else ""
    return f"{100 * point.sharp:.0f}{seeds}"


def _power_of_ten(flops: float) -> str:
    return f"{flops:.1e}".replace("e+", "e")


def _begun_small(reason: str) -> str:
    """As what follows a colon; a bar would end the cell, and what is true of all models is said below."""
    text = reason.replace(verdict.ONE_SEED, "").replace("|", "/")
    return text[:1].lower() + text[1:]


def _prediction(outcome: Outcome) -> str:
    predicted, when = outcome.prediction, "before" if outcome.was_before else "after"
    scores = "; ".join(
        f"{label} {100 * score.value:.0f} % ({100 * score.low:.0f} to {100 * score.high:.0f}), "
        f"found {100 * outcome.tasks[label]:.0f} %"
        for label, score in predicted.tasks.items()
        if label in outcome.tasks
    )
    loss = predicted.loss
    return (
        f"Predicted {when} {predicted.family} {predicted.name} was trained: loss {loss.value:.3f} "
        f"({loss.low:.3f} to {loss.high:.3f}), found {outcome.loss:.3f}; {scores}."
    )


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
