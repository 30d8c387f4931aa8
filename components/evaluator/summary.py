"""The evaluation in words and numbers: ``evaluation.json`` beside TFMA's own files.

TFMA's results need TFMA to be read, which takes ten seconds to import; this file is for
everything that only wants to know how good the model is and why it was, or was not, blessed.
"""

from __future__ import annotations

import json
from typing import Any

from pydantic import Field
from tfx.dsl.io import fileio

from models.config import Settings

FILE = "evaluation.json"
OVERALL = "overall"


class EvaluationSummary(Settings):
    """What the Evaluator found."""

    blessed: bool
    baseline: str
    """What the model was compared with, in words."""
    metrics: dict[str, dict[str, float]]
    """Slice (`OVERALL`, or ``source:<name>``) -> metric -> value."""
    baseline_metrics: dict[str, dict[str, float]] = Field(default_factory=dict)
    """The same of the baseline, on the same rows; empty without one."""
    failures: tuple[str, ...] = ()
    """Why the model was not blessed: metric, slice, value and bound, a sentence each."""

    @property
    def bits_per_byte(self) -> float:
        return self.metrics[OVERALL]["bits_per_byte"]

    def verdict(self) -> str:
        """One line."""
        line = f"{self.bits_per_byte:.3f} bits per byte, perplexity {self.metrics[OVERALL]['perplexity']:.1f}"
        if self.blessed:
            return f"{line}: blessed ({self.baseline})"
        return f"{line}: NOT blessed: {'; '.join(self.failures)}"


def write(directory: str, summary: EvaluationSummary) -> None:
    with fileio.open(f"{directory}/{FILE}", "w") as file:
        file.write(json.dumps(summary.model_dump(), indent=2) + "\n")


def read(directory: str) -> EvaluationSummary:
    with fileio.open(f"{directory}/{FILE}") as file:
        return EvaluationSummary.model_validate_json(file.read())


def slice_name(slice_key: Any) -> str:
    """``()`` -> ``overall``; ``(("source", "plays"),)`` -> ``source:plays``."""
    return ", ".join(f"{column}:{value}" for column, value in slice_key) or OVERALL
