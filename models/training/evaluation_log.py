"""The evaluation in TensorBoard: a point for each metric and slice, after the last step of the training.

A tag is ``<metric>/test``, beside ``<metric>/training`` and ``<metric>/validation`` where there are those,
and ``<metric>/test <slice>``. They go to an event file of their own in the training's folder, so that they
are the same run in TensorBoard."""

from __future__ import annotations

import math
from collections.abc import Mapping

from tensorboard.plugins.scalar.summary_v2 import scalar_pb

from models.prediction_measures import OVERALL
from models.training import event_files


def write(directory: str, metrics: Mapping[str, Mapping[str, float]]) -> None:
    """Appends ``metrics``, slice -> metric -> value, to the event files of ``directory``, if there are
    any."""
    if not event_files.paths(directory):
        return
    # After every step, as the session's end is: a run that goes on with this one drops both.
    step = max((event.step for event in event_files.read(directory)), default=0)
    points = [
        scalar_pb(tag(metric, name), value, f"On the test split: {name}. See the README, Evaluation.")
        for name, values in metrics.items()
        for metric, value in values.items()
        if math.isfinite(value)
    ]
    writer = event_files.EventWriter(directory)
    writer.write(step, *points)
    writer.close()


def tag(metric: str, name: str) -> str:
    """Of a metric on the slice ``name``."""
    return f"{metric}/test" if name == OVERALL else f"{metric}/test {name}"
