"""What the TaskEvaluator of a past run found of a model, looked up by the model's weights."""

from __future__ import annotations

from tfx.dsl.io import fileio

from components.task_evaluator import results
from components.task_evaluator.component import REPORT
from components.task_evaluator.results import TaskReport
from models.manifest import Manifest
from pipeline import history
from pipeline.config import PipelineConfig


def find(config: PipelineConfig, content: Manifest) -> TaskReport | None:
    """Of the latest run that asked this very model; None where none did."""
    for run in history.runs(config):
        uri = history.output_uris(config, run.run_id).get(("TaskEvaluator", REPORT))
        if uri is None or not fileio.exists(f"{uri}/{results.FILE}"):
            continue
        report = results.read(uri)
        if report.weights_sha256 == content.weights_sha256:
            return report
    return None
