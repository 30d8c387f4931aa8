"""The ``[tasks]`` table of the configuration."""

from __future__ import annotations

import difflib

from pydantic import Field, model_validator

from components.task_evaluator.metrics import METRICS
from components.task_evaluator.tasks.catalog import AnyTask
from models.config import Settings


class TasksConfig(Settings):
    """Few-shot tasks that a model is asked after training, and what it has to reach."""

    evaluate: tuple[AnyTask, ...] = ()
    """The tasks: ``{ task = "addition", digits = 2, shots = 4 }`` each. None: the stage is left out."""
    num_items: int = Field(default=200, ge=1)
    """Items of each task that does not say otherwise. With 200, a share of one half is known within 7
    points."""
    seed: int = Field(default=0, ge=0, lt=2**31)
    """Of the items, the shots and the intervals. Models are compared on the same seed."""
    num_samples: int = Field(default=10, ge=0)
    """Items of each task whose prompt and answer are kept in the report, right and wrong ones."""

    @model_validator(mode="after")
    def _entries_can_be_told_apart(self) -> TasksConfig:
        labels = [task.label for task in self.evaluate]
        twice = sorted({label for label in labels if labels.count(label) > 1})
        if twice:
            raise ValueError(f"two entries are called {twice[0]!r}: give one of them another label")
        return self

    @model_validator(mode="after")
    def _bounds_are_on_metrics(self) -> TasksConfig:
        for task in self.evaluate:
            for bound in task.bounds:
                if bound.metric not in METRICS:
                    close = difflib.get_close_matches(bound.metric, METRICS, n=1)
                    hint = f"did you mean {close[0]}?" if close else f"the metrics are {', '.join(METRICS)}"
                    raise ValueError(f"{task.label}: no metric is called {bound.metric!r}: {hint}")
        return self
