"""What a report says, gathered from ML Metadata, event files and the run's own folder."""

from __future__ import annotations

import dataclasses
import datetime
import fcntl
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from components.sequence_packer.counts import PACKING_REPORT, PackingReport
from pipeline import history, run_folder, training_runs
from pipeline.config import PipelineConfig
from pipeline.metadata.store import Execution
from pipeline.report import training_log
from pipeline.report.training_log import TrainingLog

_LOG_LINES = 40


@dataclasses.dataclass(frozen=True)
class Contents:
    """Everything that the page shows."""

    pipeline: str
    run: history.Run
    outcome: str
    """``pushed``, ``not pushed``, ``failed``, ``killed`` or ``running``."""
    verdict: str
    """One sentence more on the outcome."""
    executions: list[Execution]
    training: TrainingLog
    configuration: dict[str, Any]
    """As ``config.json`` has it; empty when that file is gone."""
    packing: PackingReport | None
    log_tail: str
    """The last lines of a failed run's log."""


def gather(config: PipelineConfig, run_id: str | None, command: str) -> Contents:
    """The contents of one run's report; of the latest without ``run_id``.

    Args:
      command: how the user starts a run of this configuration, for the hint.

    Raises:
      MissingInputError: there is no such run; the message names those that there are.
    """
    run = history.choose(config, run_id, command)
    executions = history.executions(config, run.run_id)
    outcome, verdict = _outcome(config, run, executions)
    folder = Path(config.root, "runs", run.run_id)
    return Contents(
        pipeline=config.name,
        run=run,
        outcome=outcome,
        verdict=verdict,
        executions=executions,
        training=_training(config, run),
        configuration=run_folder.read_json(folder / "config.json"),
        packing=_packing(executions),
        log_tail=_tail(folder / "log.txt") if outcome == "failed" else "",
    )


def _outcome(config: PipelineConfig, run: history.Run, executions: Sequence[Execution]) -> tuple[str, str]:
    last = executions[-1] if executions else None
    if last is not None and last.state == "failed":
        return "failed", f"The stage {last.stage} failed."
    if last is None or last.state == "unfinished":
        stage = f" in the stage {last.stage}" if last else ""
        if _is_running(config):
            return "running", f"The run is under way{stage}."
        return "killed", f"The run was killed{stage}."
    if run.pushed_version is not None:
        return "pushed", f"Pushed as version {run.pushed_version} to {run.pushed_path}."
    if last.stage != "Pusher":
        return "killed", f"The run was killed after the stage {last.stage}."
    if run.evaluation is not None and not run.blessed:
        return "not pushed", "The model was not blessed."
    if not run.servable:
        return "not pushed", "The model does not serve."
    return "not pushed", "The same model had been pushed before."


def _is_running(config: PipelineConfig) -> bool:
    """Whether a run of this pipeline is under way: it holds the lock that keeps others out."""
    try:
        with Path(config.root, ".lock").open() as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
            return False
    except BlockingIOError:
        return True
    except OSError:
        return False


def _training(config: PipelineConfig, run: history.Run) -> TrainingLog:
    """Of the Trainer's output, or of what it left when it did not end well."""
    if run.tensorboard_path is not None:
        return training_log.read(Path(run.tensorboard_path))
    for found in training_runs.of_pipeline(Path(config.root)):
        if found.card is not None and found.card.run_id == run.run_id:
            return training_log.read(found.folder)
    return training_log.EMPTY


def _packing(executions: Sequence[Execution]) -> PackingReport | None:
    for execution in executions:
        for artifact in execution.outputs.get("packed_examples", []):
            found = run_folder.read_json(Path(artifact.uri, PACKING_REPORT))
            return PackingReport.model_validate(found) if found else None
    return None


def _tail(path: Path) -> str:
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ""
    return "\n".join(lines[-_LOG_LINES:])


def started(run_id: str) -> str:
    """``20260131-235959-123`` as ``2026-01-31 23:59:59``."""
    try:
        return f"{datetime.datetime.strptime(run_id[:15], '%Y%m%d-%H%M%S'):%Y-%m-%d %H:%M:%S}"
    except ValueError:
        return run_id
