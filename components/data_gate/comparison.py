"""Two statistics of documents against each other: what shifted by more than is allowed, in words.

Of a text feature, the L-infinity distance of its values' shares, as TensorFlow Data Validation's drift
comparator measures it; of a number, the Jensen-Shannon divergence by its quantiles (`divergence`). What is
above its bound is explained with what was expected and what was found.

Worked example: languages ``en`` 3 of 4 and ``fr`` 1 of 4 before, ``en`` 1 of 4 and ``fr`` 3 of 4 now, is a
distance of 0.5.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Collection
from typing import Any

import tensorflow_data_validation as tfdv
from tensorflow_metadata.proto.v0 import schema_pb2, statistics_pb2

from components.data_gate import divergence

Statistics = statistics_pb2.DatasetFeatureStatisticsList
_STRING = statistics_pb2.FeatureNameStatistics.STRING


@dataclasses.dataclass(frozen=True)
class Bounds:
    """What may differ."""

    max_category_shift: float
    max_divergence: float


@dataclasses.dataclass(frozen=True)
class Shift:
    """One feature that differs by more than its bound."""

    feature: str
    distance: float
    bound: float
    detail: str
    """What was expected and what was found."""

    def __str__(self) -> str:
        return f"{self.feature}: {self.detail} (distance {self.distance:.2g}, at most {self.bound:g} allowed)"


def num_documents(statistics: Any) -> int:
    """Documents that the statistics are of."""
    return int(statistics.datasets[0].num_examples) if statistics.datasets else 0


def shifts(expected: Any, found: Any, bounds: Bounds, ignore: Collection[str] = ()) -> list[Shift]:
    """What differs between two statistics by more than the bounds, the farthest first.

    Features that only one of them has are passed over: those of another version of this package.
    """
    before, now = _features(expected), _features(found)
    names = [name for name in now if name in before and name not in ignore]
    texts = [name for name in names if now[name].type == _STRING]
    distances = _category_shifts(expected, found, texts, bounds.max_category_shift)
    measured = [(name, distance, bounds.max_category_shift) for name, distance in distances]
    for name in names:
        quantiles = [_quantiles(features[name]) for features in (before, now)]
        if name not in texts and all(quantiles):
            measured.append((name, divergence.divergence(*quantiles), bounds.max_divergence))
    above = [
        Shift(name, distance, bound, _explain(before[name], now[name]))
        for name, distance, bound in measured
        if distance > bound
    ]
    return sorted(above, key=lambda shift: (shift.bound - shift.distance, shift.feature))


def _category_shifts(
    expected: Any, found: Any, names: Collection[str], bound: float
) -> list[tuple[str, float]]:
    schema = schema_pb2.Schema()
    for name in names:
        feature = schema.feature.add(name=name, type=schema_pb2.BYTES)
        feature.drift_comparator.infinity_norm.threshold = bound
    anomalies = tfdv.validate_statistics(
        _only(found, names), schema, previous_statistics=_only(expected, names)
    )
    return [
        (info.path.step[0], measured.value)
        for info in anomalies.drift_skew_info
        for measured in info.drift_measurements
    ]


def _quantiles(feature: Any) -> list[float]:
    """Ascending, from the least to the largest value; none of what is no number, or of no documents."""
    for histogram in feature.num_stats.histograms:
        if histogram.type == statistics_pb2.Histogram.QUANTILES and histogram.buckets:
            return [histogram.buckets[0].low_value, *(bucket.high_value for bucket in histogram.buckets)]
    return []


def _features(statistics: Any) -> dict[str, Any]:
    return {feature.path.step[0]: feature for feature in statistics.datasets[0].features}


def _only(statistics: Any, names: Collection[str]) -> Any:
    kept = Statistics()
    kept.CopyFrom(statistics)
    dataset = kept.datasets[0]
    features = [feature for feature in dataset.features if feature.path.step[0] in names]
    del dataset.features[:]
    dataset.features.extend(features)
    return kept


def _explain(before: Any, now: Any) -> str:
    if now.type == _STRING:
        was, are = _shares(before), _shares(now)
        # In the order of the names, so that of two equal changes always the same one is told.
        value = max(sorted(was | are), key=lambda each: abs(are.get(each, 0.0) - was.get(each, 0.0)))
        return f"{value!r} was {was.get(value, 0.0):.1%} of the documents and is {are.get(value, 0.0):.1%}"
    was, are = before.num_stats, now.num_stats
    return (
        f"its median was {was.median:.4g} and is {are.median:.4g}, "
        f"its mean was {was.mean:.4g} and is {are.mean:.4g}"
    )


def _shares(feature: Any) -> dict[str, float]:
    buckets = feature.string_stats.rank_histogram.buckets
    total = feature.string_stats.common_stats.num_non_missing or 1
    return {bucket.label: bucket.sample_count / total for bucket in buckets}
