"""A lineage for the terminal: from the served version back to the files, stage by stage; and as JSON."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

from rich.markup import escape
from rich.tree import Tree

from components.corpus_gen.source_files import SourceFile
from components.progress import format_bytes
from pipeline.lineage.graph import FILES, Lineage, Step

SHOWN_FILES = 20


def tree(lineage: Lineage, all_files: bool = False) -> Tree:
    """For Rich; ``all_files``: each of them, instead of the first `SHOWN_FILES`."""
    uuid = lineage.uuid or "none: pushed by an earlier version of Lexmill"
    root = Tree(
        f"[bold]{escape(lineage.pipeline)} version {lineage.version}[/bold] in {escape(lineage.folder)}"
    )
    root.add(f"[dim]UUID[/dim] {escape(uuid)}")
    if lineage.folder != lineage.pushed_to:
        root.add(f"[dim]pushed to[/dim] {escape(lineage.pushed_to)}")
    for run_id, code in lineage.code.items():
        root.add(f"[dim]run {run_id}[/dim] {escape(code.summary()) if code else 'its code was not recorded'}")
    for step in reversed(lineage.steps):
        branch = root.add(f"[bold]{escape(step.stage)}[/bold]  [dim]{_when(lineage, step)}[/dim]")
        for fact in step.facts:
            branch.add(f"[dim]{escape(fact.name)}[/dim] {escape(fact.value)}")
        if makers := _makers(lineage, step.stage):
            branch.add(f"[dim]from[/dim] {escape('; '.join(makers))}")
    branch = root.add(f"[bold]{FILES}[/bold]  {files_summary(lineage.files)}")
    for line in file_lines(lineage.files, all_files):
        branch.add(escape(line))
    return root


def file_lines(files: tuple[SourceFile, ...], all_files: bool) -> Iterator[str]:
    """A line each: hash, size, source and path; and what is left out."""
    shown = files if all_files else files[:SHOWN_FILES]
    for file in shown:
        sha256 = file.sha256 or "(could not be read)".ljust(64)
        yield f"{sha256} {format_bytes(file.num_bytes):>9} {file.source}: {file.path}"
    if len(files) > len(shown):
        yield f"… and {len(files) - len(shown):,} more: --files"


def files_summary(files: tuple[SourceFile, ...]) -> str:
    """``42 files, 5.1 MB``; or why there are none."""
    if not files:
        return "not recorded: these documents are of an earlier version of Lexmill, or their folder is gone"
    return f"{len(files):,} files, {format_bytes(sum(file.num_bytes for file in files))}"


def as_json(lineage: Lineage) -> dict[str, Any]:
    """Plain values."""
    steps = [
        {
            "stage": step.stage,
            "run": step.run_id,
            "started": step.started,
            "seconds": step.seconds,
            "facts": dict(step.facts),
            "outputs": [dataclasses.asdict(artifact) for artifact in step.outputs],
        }
        for step in lineage.steps
    ]
    return {
        "pipeline": lineage.pipeline,
        "version": lineage.version,
        "folder": lineage.folder,
        "pushed_to": lineage.pushed_to,
        "uuid": lineage.uuid,
        "run": lineage.run_id,
        "steps": steps,
        "edges": [{"from": maker, "to": user, "what": what} for maker, user, what in lineage.edges],
        "files": [file.model_dump() for file in lineage.files],
        "code": {run_id: code.model_dump() if code else None for run_id, code in lineage.code.items()},
    }


def _makers(lineage: Lineage, stage: str) -> list[str]:
    """``Trainer (model)``: what a stage took, each stage once, the last to run first."""
    taken: dict[str, list[str]] = {}
    for maker, user, what in lineage.edges:
        if user == stage:
            taken.setdefault(maker, []).append(what)
    order = [step.stage for step in lineage.steps]
    found = sorted(taken, key=lambda maker: order.index(maker) if maker in order else -1, reverse=True)
    return [f"{maker} ({', '.join(taken[maker])})" for maker in found]


def _when(lineage: Lineage, step: Step) -> str:
    of_run = f", run {step.run_id}" if step.run_id != lineage.run_id else ""
    return f"{step.started}, {step.seconds:.1f} s{of_run}"
