"""Is the model good enough? Bounds against measured values, and the answer in words.

A value and a baseline's are compared where both are numbers; a baseline of an earlier version has no
accuracy, for example. On a slice with fewer tokens than `EvaluationConfig.min_slice_tokens` a broken bound
is told and blocks nothing. The overall slice always counts."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator, Mapping

from components.evaluator.settings import Bound, EvaluationConfig
from models.prediction_measures import OVERALL

Metrics = Mapping[str, Mapping[str, float]]
"""Slice -> metric -> value."""
NO_METRICS: Metrics = {}


@dataclasses.dataclass(frozen=True)
class Judgement:
    """The verdict, a sentence for each bound that is broken: metric, slice, value and bound."""

    failures: tuple[str, ...]
    """For these the model is not blessed."""
    remarks: tuple[str, ...]
    """On slices too small to block."""

    @property
    def passed(self) -> bool:
        return not self.failures


def judge(
    settings: EvaluationConfig,
    metrics: Metrics,
    tokens: Mapping[str, float],
    baseline: Metrics = NO_METRICS,
    reached: float | None = None,
) -> Judgement:
    """Holds a model's metrics against the bounds.

    Args:
      metrics: the model's.
      tokens: of each slice.
      baseline: those of the model pushed last, on the same rows; empty where there is none.
      reached: where the baseline cannot read the rows, the bits per byte that it had overall when it was
        pushed: the allowed change then counts from there.
    """
    failures, remarks = [], []
    for bound in _with_reached(settings, reached):
        for name in bound.among(metrics):
            for sentence in _broken(bound, name, metrics[name], baseline.get(name, {})):
                if name != OVERALL and tokens.get(name, 0) < settings.min_slice_tokens:
                    count = f"{tokens.get(name, 0):,.0f} tokens, fewer than {settings.min_slice_tokens:,}"
                    remarks.append(f"{sentence}; not blocking, as it is of {count}")
                else:
                    failures.append(sentence)
    return Judgement(tuple(failures), tuple(remarks))


def _with_reached(settings: EvaluationConfig, reached: float | None) -> Iterator[Bound]:
    first, *others = settings.all_bounds()
    if reached is not None and first.at_most is not None:
        at_most = min(first.at_most, reached + settings.max_regression)
        first = first.model_copy(update={"at_most": at_most})
    yield from (first, *others)


def _broken(
    bound: Bound, name: str, values: Mapping[str, float], before: Mapping[str, float]
) -> Iterator[str]:
    metric = bound.metric
    value = values.get(metric, math.nan)
    if math.isnan(value):
        yield f"{metric} {name} is not a number"
        return
    says = f"{metric} {name} is {value:.4f}"
    if bound.at_most is not None and value > bound.at_most:
        yield f"{says}, above the bound {bound.at_most:g}"
    if bound.at_least is not None and value < bound.at_least:
        yield f"{says}, below the bound {bound.at_least:g}"
    reference = before.get(metric, math.nan)
    if bound.max_regression is None or math.isnan(reference):
        return
    sign = 1.0 if bound.lower_is_better else -1.0
    if sign * (value - reference) > bound.max_regression:
        yield (
            f"{says}, {value - reference:+.4f} against the baseline's {reference:.4f}; "
            f"{sign * bound.max_regression:+g} is allowed"
        )
