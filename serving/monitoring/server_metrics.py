"""The metrics of one server, under TensorFlow Serving's names where it has them.

``mlmd_map`` ties a served version to its lineage: it shows the contents of the version's
``assets.extra/mlmd_uuid`` as a label, where the stock server's page loses them.
"""

from __future__ import annotations

import posixpath

import tensorflow as tf

from serving.errors import Code
from serving.monitoring.metrics import Counter, Gauge, Histogram, page
from serving.servables.servable import Servable

PROMETHEUS_PATH = "/monitoring/prometheus/metrics"
MLMD_FILE = "assets.extra/mlmd_uuid"

_RUNTIME = "TF1"
"""What the stock server names its session."""

_MAX_UUID_BYTES = 1024


class ServerMetrics:
    """What a server counts; an observer of its versions."""

    def __init__(self) -> None:
        serving = "/tensorflow/serving"
        self.request_count = Counter(f"{serving}/request_count", ["model_name", "status"])
        self.request_latency = Histogram(f"{serving}/request_latency", ["model_name", "API", "entrypoint"])
        self.runtime_latency = Histogram(f"{serving}/runtime_latency", ["model_name", "API", "runtime"])
        self.mlmd_map = Gauge(f"{serving}/mlmd_map", ["model_name", "version", "uuid"])
        self.version_request_count = Counter(
            "/lexmill/serving/version_request_count", ["model_name", "version", "API", "signature"]
        )
        self.loaded_versions = Gauge("/lexmill/serving/loaded_versions", ["model_name", "version"])

    def record_request(
        self, model_name: str, api: str, entrypoint: str, code: Code | None, seconds: float
    ) -> None:
        """One request; ``code`` is None when it was answered. Only answered ones are timed."""
        self.request_count.add(model_name, code.name if code else "OK")
        if code is None:
            self.request_latency.observe(model_name, api, entrypoint, value=seconds * 1e6)

    def record_run(
        self, model_name: str, version: int, api: str, signature_name: str, seconds: float
    ) -> None:
        """One computation of a signature, the waiting for it included."""
        self.version_request_count.add(model_name, str(version), api, signature_name)
        self.runtime_latency.observe(model_name, api, _RUNTIME, value=seconds * 1e6)

    def value_of(self, name: str) -> int:
        """A counter's or gauge's total, by its TensorFlow Serving name; 0 for one that is not there."""
        found = [metric for metric in self._metrics if metric.name == name and isinstance(metric, Counter)]
        return found[0].total() if found else 0

    def page(self) -> str:
        """All metrics in Prometheus' text format."""
        return page(self._metrics)

    def loaded(self, model_name: str, version: int, servable: Servable) -> None:
        self.loaded_versions.set(model_name, str(version), value=1)
        uuid = _mlmd_uuid(servable.version_dir)
        if uuid:
            self.mlmd_map.set(model_name, str(version), uuid, value=1)

    def retired(self, model_name: str, version: int) -> None:
        pass

    def unloaded(self, model_name: str, version: int) -> None:
        self.loaded_versions.forget(model_name, str(version))
        self.mlmd_map.forget(model_name, str(version))

    @property
    def _metrics(self) -> list[Counter | Histogram]:
        return [metric for metric in vars(self).values() if isinstance(metric, Counter | Histogram)]


def _mlmd_uuid(version_dir: str) -> str:
    try:
        with tf.io.gfile.GFile(posixpath.join(version_dir, MLMD_FILE), "rb") as file:
            return file.read(_MAX_UUID_BYTES).decode("utf-8", errors="replace").strip()
    except tf.errors.OpError:
        return ""
