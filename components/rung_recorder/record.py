"""What one rung of a ladder is and scored: ``rung.json``, the content of a `Rung` artifact.

Everything that the reports across models read, in one small file: size, tokens, compute, loss, and of each
task the value of each item, so that intervals can be drawn over the items that all models share.
"""

from __future__ import annotations

from typing import Any

from tfx.dsl.io import fileio

from models.config import Settings

FILE = "rung.json"


class TaskScores(Settings):
    """One task of one model."""

    label: str
    chance: float
    """Of the sharp metric, what guessing gives; 0 where that is not defined."""
    sharp_metric: str
    smooth_metric: str
    items: tuple[str, ...]
    """The same for the same items, whatever the model."""
    target_tokens: tuple[int, ...]
    """Of each item, the end of the answer included."""
    sharp: tuple[float, ...]
    """Of each item: 0 or 1."""
    smooth: tuple[float, ...]
    """Of each item: with partial credit, 0 to 1."""
    log_probability: float | None
    """Of the target, nats per token, the mean over the items."""
    metrics: dict[str, float]
    """All metrics of the task, the means over its items."""


class RungRecord(Settings):
    """One model of a ladder."""

    name: str
    family: str
    seed: int
    num_parameters: int
    """Outside the embeddings: N (Kaplan et al., arXiv 2001.08361)."""
    num_tokens: int
    """Positions trained on, those of prompts included: D."""
    compute: float
    """C = 6ND, in FLOPs."""
    loss: float
    """Nats per token on the test split."""
    bits_per_byte: float
    training_seconds: float
    recorded_at: str
    """When this was written, in UTC: after training and evaluation."""
    training_began_at: str
    """When the first process that trained it began, in UTC: stops and what came after them do not make it
    later."""
    weights_sha256: str
    tasks: tuple[TaskScores, ...]

    def task(self, label: str) -> TaskScores | None:
        return next((task for task in self.tasks if task.label == label), None)

    def properties(self) -> dict[str, Any]:
        """What ML Metadata keeps beside the artifact, to be queried without opening it."""
        values: dict[str, Any] = {
            "rung": self.name,
            "family": self.family,
            "seed": self.seed,
            "num_parameters": self.num_parameters,
            "num_tokens": self.num_tokens,
            "compute_flops": self.compute,
            "loss": self.loss,
            "bits_per_byte": self.bits_per_byte,
        }
        for task in self.tasks:
            values.update({f"{task.label}: {metric}": value for metric, value in task.metrics.items()})
        return values


def write(directory: str, record: RungRecord) -> None:
    fileio.makedirs(directory)
    with fileio.open(f"{directory}/{FILE}", "w") as file:
        file.write(record.model_dump_json() + "\n")


def read(directory: str) -> RungRecord:
    with fileio.open(f"{directory}/{FILE}") as file:
        return RungRecord.model_validate_json(file.read())
