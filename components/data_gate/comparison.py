"""Two statistics of documents against each other: what shifted by more than is allowed, in words.

TensorFlow Data Validation measures, by its drift comparators: the L-infinity distance of the shares of a
text feature's values, the approximate Jensen-Shannon divergence of a number's histograms. Here the bounds
are set, and what is above them is explained with what was expected and what was found.

Worked example: languages ``en`` 3 of 4 and ``fr`` 1 of 4 before, ``en`` 1 of 4 and ``fr`` 3 of 4 now, is a
distance of 0.5.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Collection
from typing import Any

import tensorflow_data_validation as tfdv
from tensorflow_metadata.proto.v0 import schema_pb2, statistics_pb2

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
    anomalies = tfdv.validate_statistics(
        _only(found, names), _schema(now, names, bounds), previous_statistics=_only(expected, names)
    )
    above = []
    for info in anomalies.drift_skew_info:
        [name] = info.path.step
        for measured in info.drift_measurements:
            if measured.value > measured.threshold:
                detail = _explain(before[name], now[name])
                above.append(Shift(name, measured.value, measured.threshold, detail))
    return sorted(above, key=lambda shift: (shift.bound - shift.distance, shift.feature))


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


def _schema(features: dict[str, Any], names: Collection[str], bounds: Bounds) -> Any:
    schema = schema_pb2.Schema()
    for name in names:
        if features[name].type == _STRING:
            feature = schema.feature.add(name=name, type=schema_pb2.BYTES)
            feature.drift_comparator.infinity_norm.threshold = bounds.max_category_shift
        else:
            kind = schema_pb2.FLOAT
            if features[name].type == statistics_pb2.FeatureNameStatistics.INT:
                kind = schema_pb2.INT
            feature = schema.feature.add(name=name, type=kind)
            feature.drift_comparator.jensen_shannon_divergence.threshold = bounds.max_divergence
    return schema


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
