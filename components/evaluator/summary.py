"""The evaluation in words and numbers: ``evaluation.json`` beside TFMA's own files.

TFMA's results need TFMA to be read, which takes ten seconds to import; this file is for
everything that only wants to know how good the model is and why it was, or was not, blessed.
"""

from __future__ import annotations

import json
import math
from typing import Any

from pydantic import Field, field_validator
from tfx.dsl.io import fileio

from models.config import Settings
from models.prediction_measures import OVERALL

FILE = "evaluation.json"


class EvaluationSummary(Settings):
    """What the Evaluator found. A metric that is not a number is left out."""

    blessed: bool
    baseline: str
    """What the model was compared with, in words."""
    metrics: dict[str, dict[str, float]]
    """Slice (``overall``, or ``source:<name>``) -> metric (`models.prediction_measures.METRICS`) -> value."""
    tokens: dict[str, int] = Field(default_factory=dict)
    """Slice -> targets that count."""
    reliability: tuple[tuple[float, ...], ...] = ()
    """Overall, by bin of confidence: targets, sum of confidence, targets that were the likeliest."""
    baseline_metrics: dict[str, dict[str, float]] = Field(default_factory=dict)
    """The same of the baseline, on the same rows; empty without one."""
    failures: tuple[str, ...] = ()
    """Why the model was not blessed: metric, slice, value and bound, a sentence each."""
    remarks: tuple[str, ...] = ()
    """Bounds broken on slices that are too small to block."""

    @field_validator("metrics", "baseline_metrics")
    @classmethod
    def _only_numbers(cls, slices: dict[str, dict[str, float]]) -> dict[str, dict[str, float]]:
        return {
            name: {metric: value for metric, value in values.items() if not math.isnan(value)}
            for name, values in slices.items()
        }

    @property
    def bits_per_byte(self) -> float:
        return self.metrics[OVERALL]["bits_per_byte"]

    def verdict(self) -> str:
        """One line."""
        line = f"{self.bits_per_byte:.3f} bits per byte, perplexity {self.metrics[OVERALL]['perplexity']:.1f}"
        remarks = f" (note: {'; '.join(self.remarks)})" if self.remarks else ""
        if self.blessed:
            return f"{line}: blessed ({self.baseline}){remarks}"
        return f"{line}: NOT blessed: {'; '.join(self.failures)}{remarks}"


def write(directory: str, summary: EvaluationSummary) -> None:
    with fileio.open(f"{directory}/{FILE}", "w") as file:
        file.write(json.dumps(summary.model_dump(), indent=2) + "\n")


def read(directory: str) -> EvaluationSummary:
    with fileio.open(f"{directory}/{FILE}") as file:
        return EvaluationSummary.model_validate_json(file.read())


def slice_name(slice_key: Any) -> str:
    """``()`` -> ``overall``; ``(("source", "plays"),)`` -> ``source:plays``."""
    return ", ".join(f"{column}:{value}" for column, value in slice_key) or OVERALL
