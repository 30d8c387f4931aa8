"""What the smaller rungs say of the largest, written down before it is trained, and scored after.

Loss by a power law of compute (`power_law`), each task by a curve of compute (`task_curve`), both with an
interval of 95 %. The prediction names the rungs that it was made from by the hashes of their weights, and has
a hash of its own, which is shown before training begins and kept in ML Metadata: who changes it later changes
that.
"""

from __future__ import annotations

import datetime
import hashlib
import math
from collections.abc import Sequence

from tfx.dsl.io import fileio

from components.emergence_report import power_law, task_curve
from components.rung_recorder.record import RungRecord
from models.config import Settings

FILE = "prediction.json"


class Range(Settings):
    """A predicted value and the ends of its interval."""

    value: float
    low: float
    high: float

    def holds(self, outcome: float) -> bool:
        return self.low <= outcome <= self.high


class Prediction(Settings):
    """Of one rung of one family."""

    family: str
    name: str
    """Of the rung."""
    compute: float
    made_at: str
    """UTC."""
    made_from: tuple[str, ...]
    """The rungs' names and seeds, and the hashes of their weights."""
    loss: Range
    """Nats per token on the test split."""
    tasks: dict[str, Range]
    """Label -> the task's sharp metric."""

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()


class Outcome(Settings):
    """A prediction beside what came of it, the mean over the seeds."""

    prediction: Prediction
    sha256: str
    was_before: bool
    """Whether it was made before any model of the rung began to train."""
    loss: float
    loss_error: float
    """Relative to the outcome."""
    tasks: dict[str, float]

    @property
    def hits(self) -> int:
        """Tasks whose outcome lies in its interval."""
        return sum(self.prediction.tasks[label].holds(value) for label, value in self.tasks.items())


def predict(records: Sequence[RungRecord], name: str, compute: float) -> Prediction:
    """Of the rung ``name`` with ``compute`` FLOPs, from smaller ones of its family, any seeds."""
    used = sorted(records, key=lambda record: (record.compute, record.seed))
    loss = power_law.fit([record.compute for record in used], [record.loss for record in used]).predict(
        compute
    )
    labels = {task.label: task for record in used for task in record.tasks}
    tasks = {}
    for label, task in labels.items():
        scored = [(record, found) for record in used if (found := record.task(label)) is not None]
        predicted = task_curve.predict(
            [math.log10(record.compute) for record, _ in scored],
            [sum(found.sharp) / len(found.sharp) for _, found in scored],
            task.chance,
            len(task.items),
            math.log10(compute),
        )
        tasks[label] = _range(predicted)
    return Prediction(
        family=used[0].family,
        name=name,
        compute=compute,
        made_at=datetime.datetime.now(datetime.timezone.utc).isoformat(),
        made_from=tuple(
            f"{each.name}, seed {each.seed}, weights {each.weights_sha256[:16]}" for each in used
        ),
        loss=_range(loss),
        tasks=tasks,
    )


def score(prediction: Prediction, records: Sequence[RungRecord]) -> Outcome:
    """``records``: of the predicted rung, one a seed."""
    loss = sum(record.loss for record in records) / len(records)
    tasks = {}
    for label in prediction.tasks:
        scored = [found for record in records if (found := record.task(label)) is not None]
        if scored:
            tasks[label] = sum(sum(found.sharp) / len(found.sharp) for found in scored) / len(scored)
    return Outcome(
        prediction=prediction,
        sha256=prediction.sha256,
        was_before=all(prediction.made_at < record.training_began_at for record in records),
        loss=loss,
        loss_error=abs(prediction.loss.value - loss) / loss,
        tasks=tasks,
    )


def write(directory: str, prediction: Prediction) -> None:
    fileio.makedirs(directory)
    with fileio.open(f"{directory}/{FILE}", "w") as file:
        file.write(prediction.model_dump_json(indent=2) + "\n")


def read(directory: str) -> Prediction:
    with fileio.open(f"{directory}/{FILE}") as file:
        return Prediction.model_validate_json(file.read())


def _range(interval: power_law.Interval) -> Range:
    return Range(value=interval.value, low=interval.low, high=interval.high)
