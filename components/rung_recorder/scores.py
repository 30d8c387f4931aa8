"""From a task report to what a ladder compares: of each task one sharp metric and one with partial credit."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from components.rung_recorder.record import TaskScores
from components.task_evaluator.metrics import (
    ACCURACY,
    EXACT_MATCH,
    PASS_AT_1,
    TARGET_LOG_PROBABILITY,
    TOKEN_ACCURACY,
)
from components.task_evaluator.results import ItemScores, TaskReport, TaskResult

SHARP_METRICS = (PASS_AT_1, EXACT_MATCH, ACCURACY)
"""The first of these that a task has is the one whose jumps are looked at."""
TOKEN_PROBABILITY = "token_probability"
"""The geometric mean of the probabilities of a target's tokens: the partial credit of short answers, one
token and its end, where the share of right tokens is no smoother than exact match."""
_SHORT = 2.0


def scores(report: TaskReport, items: Sequence[ItemScores]) -> Iterator[TaskScores]:
    """Of the tasks whose answers are right or wrong; perplexity-like ones without have no jump to look at."""
    by_label: dict[str, list[ItemScores]] = {}
    for item in items:
        by_label.setdefault(item.label, []).append(item)
    for result in report.results:
        sharp = next((name for name in SHARP_METRICS if name in result.metrics), None)
        if sharp is not None and TARGET_LOG_PROBABILITY in result.metrics:
            yield _task(result, by_label[result.label], sharp)


def _task(result: TaskResult, items: Sequence[ItemScores], sharp: str) -> TaskScores:
    is_short = result.mean_target_tokens <= _SHORT or TOKEN_ACCURACY not in result.metrics
    smooth = TOKEN_PROBABILITY if is_short else TOKEN_ACCURACY
    return TaskScores(
        label=result.label,
        chance=result.metrics[sharp].chance or 0.0,
        sharp_metric=sharp,
        smooth_metric=smooth,
        items=tuple(item.item for item in items),
        target_tokens=tuple(item.target_tokens for item in items),
        sharp=tuple(item.metrics[sharp] for item in items),
        smooth=tuple(
            math.exp(item.metrics[TARGET_LOG_PROBABILITY]) if is_short else item.metrics[TOKEN_ACCURACY]
            for item in items
        ),
        log_probability=result.metrics[TARGET_LOG_PROBABILITY].value,
        metrics={name: metric.value for name, metric in result.metrics.items()},
    )
