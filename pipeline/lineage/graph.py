"""The stages behind a pushed model, back to the source files, from the records of the run that pushed it.

A stage of that run that took its result from the cache stands here as the one that made it, in whichever
run that was.
"""

from __future__ import annotations

import dataclasses
import datetime
from collections.abc import Sequence

from components.corpus_gen import source_files
from components.corpus_gen.source_files import SourceFile
from pipeline import run_folder
from pipeline.code_version import CodeVersion
from pipeline.lineage import facts
from pipeline.lineage.finding import PushedModel
from pipeline.metadata.store import CACHED, Artifact, Execution, Store

FILES, SERVED = "source files", "served"


@dataclasses.dataclass(frozen=True)
class Step:
    """One stage, as it made what this model is made of."""

    stage: str
    run_id: str
    started: str
    """``2026-01-31 23:59:59``."""
    seconds: float
    facts: tuple[facts.Fact, ...]
    """What came of it."""
    outputs: tuple[Artifact, ...]


@dataclasses.dataclass(frozen=True)
class Lineage:
    """From files to a served version."""

    pipeline: str
    version: int
    folder: str
    pushed_to: str
    uuid: str | None
    run_id: str
    """The run that pushed it."""
    steps: tuple[Step, ...]
    """Each after those that it takes from."""
    edges: tuple[tuple[str, str, str], ...]
    """Stage that made something, stage that took it, and what it was."""
    files: tuple[SourceFile, ...]
    """By source and path."""
    code: dict[str, CodeVersion | None]
    """By run."""

    def step(self, stage: str) -> Step | None:
        return next((step for step in self.steps if step.stage == stage), None)


def trace(pushed: PushedModel) -> Lineage:
    """Everything that the records, and the artifacts that are still there, say of one model."""
    store = pushed.store
    [pusher] = store.makers([pushed.artifact.id])
    run_id = store.run_id_of(pusher.id) or ""
    executions = [_origin(store, execution) for execution in store.executions(run_id)]
    runs = {execution.id: store.run_id_of(execution.id) or "" for execution in executions}
    steps = tuple(_step(execution, runs[execution.id]) for execution in executions)
    return Lineage(
        pipeline=pushed.config.name,
        version=pushed.version,
        folder=pushed.folder,
        pushed_to=pushed.pushed_to,
        uuid=pushed.uuid,
        run_id=run_id,
        steps=steps,
        edges=tuple(_edges(executions)),
        files=_files(executions),
        code={run_id: run_folder.read(pushed.config, run_id).code for run_id in sorted(set(runs.values()))},
    )


def _origin(store: Store, execution: Execution) -> Execution:
    """The execution that made what this one found in the cache."""
    made = [artifact.id for artifacts in execution.outputs.values() for artifact in artifacts]
    makers = store.makers(made) if execution.state == CACHED else []
    return makers[0] if makers else execution


def _step(execution: Execution, run_id: str) -> Step:
    return Step(
        stage=execution.stage,
        run_id=run_id,
        started=f"{datetime.datetime.fromtimestamp(execution.started_s):%Y-%m-%d %H:%M:%S}",
        seconds=execution.seconds,
        facts=tuple(facts.of(execution)),
        outputs=tuple(artifact for artifacts in execution.outputs.values() for artifact in artifacts),
    )


def _edges(executions: Sequence[Execution]) -> list[tuple[str, str, str]]:
    maker = {
        artifact.id: execution.stage
        for execution in executions
        for artifacts in execution.outputs.values()
        for artifact in artifacts
    }
    edges = [
        (maker[artifact.id], execution.stage, name)
        for execution in executions
        for name, artifacts in execution.inputs.items()
        for artifact in artifacts
        if artifact.id in maker
    ]
    stages = {execution.stage for execution in executions}
    if {"DataGate", "TokenizerTrainer"} <= stages:  # It waits for the gate, and takes nothing from it.
        edges.append(("DataGate", "TokenizerTrainer", "accepted"))
    return [(FILES, "CorpusGen", "text"), *dict.fromkeys(edges), ("Pusher", SERVED, "pushed_model")]


def _files(executions: Sequence[Execution]) -> tuple[SourceFile, ...]:
    for execution in executions:
        for artifact in execution.outputs.get("rejected", []):
            found = source_files.read(artifact.uri)
            return tuple(sorted(found, key=lambda file: (file.source, file.path)))
    return ()
