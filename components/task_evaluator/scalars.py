"""The tasks' metrics as TensorBoard's scalars: one point each, at the step that training ended with."""

from __future__ import annotations

from tensorboard.plugins.scalar.summary_v2 import scalar_pb

from components.task_evaluator.metrics import METRICS
from components.task_evaluator.results import TaskReport
from models.training.event_files import EventWriter
from models.training.summaries import converted

FOLDER = "tensorboard"
"""Within the artifact."""


def write(directory: str, report: TaskReport, step: int) -> None:
    """Tags ``tasks/<label>/<metric>``, and for the ends of the interval and the chance level the same with
    ``/low``, ``/high`` and ``/chance``."""
    values = {}
    for result in report.results:
        for name, metric in result.metrics.items():
            tag, meaning = f"tasks/{result.label}/{name}", METRICS[name].meaning
            values[tag] = (metric.value, f"{meaning}; {result.num_items} items, {result.shots} shots.")
            values[f"{tag}/low"] = (metric.low, "Lower end of the 95 % interval.")
            values[f"{tag}/high"] = (metric.high, "Upper end of the 95 % interval.")
            if metric.chance is not None:
                values[f"{tag}/chance"] = (metric.chance, "Of answers drawn at random.")
    writer = EventWriter(f"{directory}/{FOLDER}")
    writer.write(step, *(converted(scalar_pb(tag, *value)) for tag, value in values.items()))
    writer.close()
