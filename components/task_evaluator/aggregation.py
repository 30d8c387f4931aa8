"""From each item's values to each metric's value, interval and chance level."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from components.task_evaluator import metrics
from components.task_evaluator.results import MetricValue


def summarize(
    scores: Sequence[Mapping[str, float]],
    chances: Sequence[Mapping[str, float | None]],
    estimators: Mapping[str, metrics.Estimator],
    seed: int,
) -> dict[str, MetricValue]:
    """The metrics over all items.

    Args:
      scores: of each item, metric -> value; all items have the same metrics.
      chances: of each item, metric -> its chance level.
      estimators: of the metrics that are not the mean of the items' values.
      seed: of the resampling.
    """
    found = {}
    for name in scores[0]:
        estimate = estimators.get(name) or metrics.mean_of([score[name] for score in scores])
        low, high = metrics.interval(estimate, len(scores), seed)
        levels = [chance.get(name) for chance in chances]
        known = [level for level in levels if level is not None]
        found[name] = MetricValue(
            value=estimate(np.ones(len(scores))),
            low=low,
            high=high,
            chance=sum(known) / len(known) if len(known) == len(levels) else None,
            sharp=metrics.METRICS[name].sharp,
            higher_is_better=metrics.METRICS[name].higher_is_better,
        )
    return found
