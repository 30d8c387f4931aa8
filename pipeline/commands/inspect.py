"""``lexmill runs`` and ``doctor``: looking at what is there."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.markup import escape
from rich.table import Column, Table

from pipeline.config import load
from pipeline.errors import MissingInputError
from serving.silence import libraries_silenced

_STATUS_STYLES = {"ok": "green", "warning": "yellow", "problem": "red"}


def show_runs(config_name: str, overrides: Sequence[str]) -> None:
    """A table of past runs, the newest first."""
    config = load(config_name, overrides)
    with libraries_silenced():
        from pipeline import history

        found = history.runs(config)
    if not found:
        raise MissingInputError(
            f"{config.root}: {config.name!r} has no runs yet: start one with 'lexmill run {config_name}'"
        )
    table = Table(Column("run", no_wrap=True), "stages", "bits/byte", "perplexity", "blessed", "pushed")
    for run in found:
        states = list(run.stages.values())
        counts = ", ".join(f"{states.count(s)} {s}" for s in ("done", "cached", "failed") if s in states)
        overall = run.evaluation.metrics["overall"] if run.evaluation else None
        table.add_row(
            run.run_id,
            counts,
            f"{overall['bits_per_byte']:.3f}" if overall else "-",
            f"{overall['perplexity']:.1f}" if overall else "-",
            "yes" if run.blessed and run.servable else "no",
            f"version {run.pushed_version}" if run.pushed_version else "-",
        )
    Console().print(table)
    print(f"configuration and log of a run: {config.root}/runs/<run>/config.json, log.txt")


def show_diagnosis() -> int:
    """A table of findings; returns 1 when something keeps the pipeline from running."""
    from pipeline.doctor import diagnose

    findings = diagnose()
    table = Table("", "what", "found", "advice")
    for finding in findings:
        style = _STATUS_STYLES[finding.status]
        texts = (escape(text) for text in (finding.name, finding.found, finding.advice))
        table.add_row(f"[{style}]{finding.status}[/{style}]", *texts)
    Console().print(table)
    return int(any(finding.status == "problem" for finding in findings))
