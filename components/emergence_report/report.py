"""The ladder read as a whole, task by task and family by family: ``emergence.json``."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from tfx.dsl.io import fileio

from components.emergence_report import breakthroughness, loss_threshold, mirage
from components.emergence_report.curves import Curve, Level, above_chance
from components.emergence_report.prediction import Outcome, Prediction, score
from components.emergence_report.resampling import interval, resample
from components.emergence_report.sharpness import sharpness
from components.emergence_report.verdict import decide
from components.rung_recorder.record import RungRecord, TaskScores
from models.config import Settings

FILE = "emergence.json"


class Point(Settings):
    """One size on one task, over its seeds."""

    rung: str
    compute: float
    loss: float
    seeds: int
    sharp: float
    sharp_low: float
    sharp_high: float
    by_seed: tuple[float, ...]
    """The sharp metric of each model."""
    smooth: float
    smooth_low: float
    smooth_high: float
    power: float
    """What exact match would be if each token were right by itself: `mirage`."""
    log_probability: float | None


class Threshold(Settings):
    """As `loss_threshold.LossThreshold`."""

    loss: float
    last_at_chance: float
    first_above: float
    error: float


class TaskReading(Settings):
    """A task along one family's ladder."""

    label: str
    family: str
    chance: float
    num_items: int
    sharp_metric: str
    smooth_metric: str
    mean_target_tokens: float
    points: tuple[Point, ...]
    verdict: str
    reason: str
    agreement: float | None
    breakthroughness: float | None
    """None where it is infinite, or there is a single point."""
    linearity: float | None
    sharpness: float
    smooth_sharpness: float
    discrepancy: float
    """The largest difference of exact match from p^L."""
    threshold: Threshold | None

    @property
    def best(self) -> float:
        return max(point.sharp for point in self.points)


class EmergenceReading(Settings):
    """Everything that the report says."""

    records: tuple[RungRecord, ...]
    """Without the items, which the rungs' own artifacts hold."""
    tasks: tuple[TaskReading, ...]
    outcomes: tuple[Outcome, ...]

    def of(self, label: str) -> list[TaskReading]:
        """A task's readings, a family each."""
        return [task for task in self.tasks if task.label == label]

    @property
    def labels(self) -> list[str]:
        return list(dict.fromkeys(task.label for task in self.tasks))


def make(records: Sequence[RungRecord], predictions: Sequence[Prediction]) -> EmergenceReading:
    """Reads the ladder; the same records and predictions give the same reading."""
    ordered = sorted(records, key=lambda record: (record.family, record.compute, record.seed))
    labels = list(dict.fromkeys(task.label for record in ordered for task in record.tasks))
    families = list(dict.fromkeys(record.family for record in ordered))[::-1]
    tasks = [
        _reading(label, [record for record in ordered if record.family == family and record.task(label)])
        for label in labels
        for family in families
        if any(record.family == family and record.task(label) for record in ordered)
    ]
    outcomes = []
    for prediction in predictions:
        of_rung = [
            record
            for record in ordered
            if (record.family, record.name) == (prediction.family, prediction.name)
        ]
        if of_rung:
            outcomes.append(score(prediction, of_rung))
    return EmergenceReading(
        records=tuple(record.model_copy(update={"tasks": ()}) for record in ordered),
        tasks=tuple(tasks),
        outcomes=tuple(outcomes),
    )


def curve(label: str, records: Sequence[RungRecord]) -> Curve:
    """A task's curve from the records of one family, on the items that all of them have."""
    tasks = [task for record in records if (task := record.task(label)) is not None]
    shared = set(tasks[0].items).intersection(*(task.items for task in tasks))
    lengths = dict(zip(tasks[0].items, tasks[0].target_tokens, strict=True))
    order = [item for item in tasks[0].items if item in shared]
    levels = []
    for name in dict.fromkeys(record.name for record in records):
        of_level = [record for record in records if record.name == name]
        levels.append(
            Level(
                name=name,
                compute=of_level[0].compute,
                loss=float(np.mean([record.loss for record in of_level])),
                sharp=np.array([_column(record.task(label), order, "sharp") for record in of_level]),
                smooth=np.array([_column(record.task(label), order, "smooth") for record in of_level]),
            )
        )
    tokens = np.array([lengths[item] for item in order])
    return Curve(label, records[0].family, tasks[0].chance, tokens, tuple(levels))


def _column(task: TaskScores | None, order: Sequence[str], field: str) -> list[float]:
    assert task is not None
    values = dict(zip(task.items, getattr(task, field), strict=True))
    return [values[item] for item in order]


def _reading(label: str, records: Sequence[RungRecord]) -> TaskReading:
    found, task = curve(label, records), records[0].task(label)
    assert task is not None
    resampled = resample(found)
    power = mirage.power(found.smooth, found.target_tokens)
    points = []
    for index, level in enumerate(found.levels):
        low, high = interval(resampled.sharp[:, index], found.num_items)
        smooth_low, smooth_high = interval(resampled.smooth[:, index], found.num_items)
        of_level = [each for record in records if record.name == level.name and (each := record.task(label))]
        likelihoods = [each.log_probability for each in of_level if each.log_probability is not None]
        points.append(
            Point(
                rung=level.name,
                compute=level.compute,
                loss=level.loss,
                seeds=len(level.sharp),
                sharp=float(level.sharp.mean()),
                sharp_low=low,
                sharp_high=high,
                by_seed=tuple(level.sharp.mean(axis=1).tolist()),
                smooth=float(level.smooth.mean()),
                smooth_low=smooth_low,
                smooth_high=smooth_high,
                power=float(power[index]),
                log_probability=sum(likelihoods) / len(likelihoods) if likelihoods else None,
            )
        )
    verdict = decide(found, resampled)
    several = len(points) > 1
    return TaskReading(
        label=label,
        family=found.family,
        chance=found.chance,
        num_items=found.num_items,
        sharp_metric=task.sharp_metric,
        smooth_metric=task.smooth_metric,
        mean_target_tokens=float(found.target_tokens.mean()),
        points=tuple(points),
        verdict=verdict.kind,
        reason=verdict.reason,
        agreement=verdict.agreement,
        breakthroughness=_finite(breakthroughness.breakthroughness(found.sharp)) if several else None,
        linearity=_finite(breakthroughness.linearity(found.sharp)) if several else None,
        sharpness=float(sharpness(found.log_compute, found.sharp)),
        smooth_sharpness=float(sharpness(found.log_compute, found.smooth)),
        discrepancy=float(mirage.discrepancy(found.sharp, found.smooth, found.target_tokens)),
        threshold=_threshold(found) if several else None,
    )


def _threshold(found: Curve) -> Threshold | None:
    threshold = loss_threshold.find(found.losses, above_chance(found.sharp, found.chance))
    if threshold is None:
        return None
    return Threshold(
        loss=threshold.loss,
        last_at_chance=threshold.last_at_chance,
        first_above=threshold.first_above,
        error=threshold.error,
    )


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def write(directory: str, reading: EmergenceReading) -> None:
    fileio.makedirs(directory)
    with fileio.open(f"{directory}/{FILE}", "w") as file:
        file.write(reading.model_dump_json(indent=1) + "\n")


def read(directory: str) -> EmergenceReading:
    with fileio.open(f"{directory}/{FILE}") as file:
        return EmergenceReading.model_validate_json(file.read())
