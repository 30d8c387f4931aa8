"""The ladder as a table: ``emergence.csv``, a line for each task of each model."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence

from components.emergence_report import mirage
from components.emergence_report.report import curve
from components.emergence_report.resampling import interval, resample
from components.rung_recorder.record import RungRecord

FILE = "emergence.csv"
COLUMNS = (
    "task", "family", "rung", "seed", "num_parameters", "num_tokens", "compute_flops", "loss",
    "bits_per_byte", "items", "chance", "sharp_metric", "sharp", "sharp_low", "sharp_high",
    "smooth_metric", "smooth", "log_probability", "power", "training_seconds",
)  # fmt: skip


def render(records: Sequence[RungRecord]) -> str:
    """CSV: `COLUMNS`, a line for each task of each model."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows(_lines(records))
    return text.getvalue()


def _lines(records: Sequence[RungRecord]) -> Iterator[tuple[object, ...]]:
    for record in sorted(records, key=lambda record: (record.family, record.compute, record.seed)):
        for task in record.tasks:
            alone = curve(task.label, [record])
            resampled = resample(alone)
            low, high = interval(resampled.sharp[:, 0], alone.num_items)
            yield (
                task.label, record.family, record.name, record.seed, record.num_parameters, record.num_tokens,
                f"{record.compute:.6g}", f"{record.loss:.6f}", f"{record.bits_per_byte:.6f}", len(task.items),
                f"{task.chance:.6g}", task.sharp_metric, f"{alone.sharp[0]:.6f}", f"{low:.6f}", f"{high:.6f}",
                task.smooth_metric, f"{alone.smooth[0]:.6f}",
                "" if task.log_probability is None else f"{task.log_probability:.6f}",
                f"{mirage.power(alone.smooth, alone.target_tokens)[0]:.6f}", f"{record.training_seconds:.1f}",
            )  # fmt: skip
