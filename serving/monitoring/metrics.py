"""Counters, gauges and histograms, and their text for Prometheus.

Names, labels and buckets of what is measured are TensorFlow Serving's, and so is the
text: ``/tensorflow/serving/request_count`` becomes ``:tensorflow:serving:request_count``.
prometheus_client is not used, as it appends ``_total`` to a counter's name.
"""

from __future__ import annotations

import bisect
import re
import threading
from collections.abc import Iterator, Sequence

Labels = tuple[str, ...]

LATENCY_BUCKETS = tuple(10 * 1.8**power for power in range(32))
"""Upper bounds in microseconds, of all buckets but the last: 10 us to about 14 min."""


class Counter:
    """A number that grows, for each combination of label values."""

    kind = "counter"

    def __init__(self, name: str, label_names: Sequence[str]) -> None:
        self.name = name
        self.label_names = tuple(label_names)
        self._lock = threading.Lock()
        self._values: dict[Labels, int] = {}

    def add(self, *labels: str, amount: int = 1) -> None:
        with self._lock:
            self._values[labels] = self._values.get(labels, 0) + amount

    def value(self, *labels: str) -> int:
        """The number now; 0 for labels that were never used."""
        return self._values.get(labels, 0)

    def total(self) -> int:
        """The sum over all labels."""
        with self._lock:
            return sum(self._values.values())

    def lines(self) -> Iterator[str]:
        with self._lock:
            values = sorted(self._values.items())
        yield f"# TYPE {prometheus_name(self.name)} {self.kind}"
        for labels, value in values:
            yield f"{prometheus_name(self.name)}{{{_labels(self.label_names, labels)}}} {value}"


class Gauge(Counter):
    """A number that is set, for each combination of label values."""

    kind = "gauge"

    def set(self, *labels: str, value: int) -> None:
        with self._lock:
            self._values[labels] = value

    def forget(self, *labels: str) -> None:
        """Drops the numbers whose labels begin with these."""
        with self._lock:
            self._values = {key: value for key, value in self._values.items() if key[: len(labels)] != labels}


class Histogram:
    """How often a value fell below each bound, for each combination of label values."""

    def __init__(
        self, name: str, label_names: Sequence[str], bounds: Sequence[float] = LATENCY_BUCKETS
    ) -> None:
        self.name = name
        self.label_names = tuple(label_names)
        self._bounds = tuple(bounds)
        self._lock = threading.Lock()
        self._counts: dict[Labels, list[int]] = {}
        self._sums: dict[Labels, float] = {}

    def observe(self, *labels: str, value: float) -> None:
        bucket = bisect.bisect_right(self._bounds, value)
        with self._lock:
            counts = self._counts.setdefault(labels, [0] * (len(self._bounds) + 1))
            counts[bucket] += 1
            self._sums[labels] = self._sums.get(labels, 0.0) + value

    def lines(self) -> Iterator[str]:
        with self._lock:
            points = [(labels, list(counts), self._sums[labels]) for labels, counts in self._counts.items()]
        name = prometheus_name(self.name)
        yield f"# TYPE {name} histogram"
        for labels, counts, total in sorted(points):
            text = _labels(self.label_names, labels)
            below = 0
            for bound, count in zip([*(f"{bound:g}" for bound in self._bounds), "+Inf"], counts, strict=True):
                below += count
                separator = "," if text else ""
                yield f'{name}_bucket{{{text}{separator}le="{bound}"}} {below}'
            yield f"{name}_sum{{{text}}} {total:g}"
            yield f"{name}_count{{{text}}} {below}"


def prometheus_name(name: str) -> str:
    """``/tensorflow/serving/request_count`` as Prometheus accepts it."""
    return re.sub(r"[^a-zA-Z0-9_]", ":", name)


def page(metrics: Sequence[Counter | Histogram]) -> str:
    """All metrics in Prometheus' text format, by name."""
    lines = [line for metric in sorted(metrics, key=lambda metric: metric.name) for line in metric.lines()]
    return "\n".join(lines) + "\n"


def _labels(names: Labels, values: Labels) -> str:
    return ",".join(f'{name}="{_escaped(value)}"' for name, value in zip(names, values, strict=True))


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
