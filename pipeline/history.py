"""Past runs, from ML Metadata: what ran, on which configuration, and what came of it.

The one module that queries the metadata store.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

from ml_metadata import metadata_store
from ml_metadata.proto import metadata_store_pb2
from tfx.dsl.compiler import constants
from tfx.dsl.io import fileio
from tfx.orchestration import metadata

from components.evaluator import summary
from pipeline.config import PipelineConfig
from pipeline.errors import MissingInputError

_RUNNING = {metadata_store_pb2.Execution.NEW, metadata_store_pb2.Execution.RUNNING}
_SHOWN_RUNS = 5
_FIRST_STAGE = "CorpusGen"
_FINISHED = {metadata_store_pb2.Execution.COMPLETE: "done", metadata_store_pb2.Execution.CACHED: "cached"}


@dataclasses.dataclass(frozen=True)
class Run:
    """One run of a pipeline."""

    run_id: str
    stages: dict[str, str]
    """Stage -> ``done``, ``cached`` or ``failed``, in the order in which they ran."""
    evaluation: summary.EvaluationSummary | None
    blessed: bool
    """By the Evaluator."""
    servable: bool
    """Blessed by the ServingValidator."""
    pushed_version: int | None
    pushed_path: str | None
    evaluation_path: str | None
    tensorboard_path: str | None


@dataclasses.dataclass(frozen=True)
class Artifact:
    """Something that a stage took or made."""

    id: int
    type: str
    uri: str


@dataclasses.dataclass(frozen=True)
class Execution:
    """A stage of one run, with what went in and what came out."""

    id: int
    stage: str
    state: str
    """``done``, ``cached``, ``failed``, or ``unfinished``: under way, or killed."""
    started_s: float
    """Seconds since the epoch."""
    seconds: float
    inputs: dict[str, list[Artifact]]
    """By the stage's own names for them."""
    outputs: dict[str, list[Artifact]]


def connection(config: PipelineConfig) -> metadata_store_pb2.ConnectionConfig:
    """SQLite, in the pipeline's folder."""
    return metadata.sqlite_metadata_connection_config(str(Path(config.root, "metadata.sqlite").resolve()))


def record_configuration(config: PipelineConfig, run_id: str) -> None:
    """Keeps the full configuration of a run beside its log."""
    path = Path(config.root, "runs", run_id, "config.json")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(config.model_dump_json(indent=2) + "\n", encoding="utf-8")


def runs(config: PipelineConfig) -> list[Run]:
    """Every run of this pipeline, the newest first; empty when it never ran."""
    if not Path(config.root, "metadata.sqlite").exists():
        return []
    store = metadata_store.MetadataStore(connection(config))
    contexts = store.get_contexts_by_type(constants.PIPELINE_RUN_CONTEXT_TYPE_NAME)
    found = [_run(store, config, context) for context in contexts]
    # A ladder's predictions and its report are runs to TFX, and have no data of their own.
    whole = [run for run in found if not run.stages or _FIRST_STAGE in run.stages]
    return sorted(whole, key=lambda run: run.run_id, reverse=True)


def choose(config: PipelineConfig, run_id: str | None, command: str) -> Run:
    """One run by its id, the latest without one.

    Args:
      command: how the user starts a run of this configuration, for the hint.

    Raises:
      MissingInputError: there is no such run; the message names those that there are.
    """
    found = runs(config)
    if not found:
        raise MissingInputError(f"{config.root}: {config.name!r} has no runs yet: start one with '{command}'")
    if run_id is None:
        return found[0]
    for run in found:
        if run.run_id == run_id:
            return run
    known = ", ".join(run.run_id for run in found[:_SHOWN_RUNS])
    more = f" and {len(found) - _SHOWN_RUNS} older ones" if len(found) > _SHOWN_RUNS else ""
    raise MissingInputError(f"{run_id}: {config.name!r} has no such run: there are {known}{more}")


def find(config: PipelineConfig, run_id: str) -> Run:
    """One run by its id, which must exist."""
    store = metadata_store.MetadataStore(connection(config))
    context = store.get_context_by_type_and_name(constants.PIPELINE_RUN_CONTEXT_TYPE_NAME, run_id)
    return _run(store, config, context)


def output_uris(config: PipelineConfig, run_id: str) -> dict[tuple[str, str], str]:
    """(stage, output) -> folder, of the stages of a run that have ended; those of a cached one, too."""
    store = metadata_store.MetadataStore(connection(config))
    context = store.get_context_by_type_and_name(constants.PIPELINE_RUN_CONTEXT_TYPE_NAME, run_id)
    executions = store.get_executions_by_context(context.id)
    return {key: artifact.uri for key, artifact in _outputs(store, executions).items()}


def executions(config: PipelineConfig, run_id: str) -> list[Execution]:
    """The stages of one run, in the order in which they ran, with their artifacts: its lineage."""
    store = metadata_store.MetadataStore(connection(config))
    context = store.get_context_by_type_and_name(constants.PIPELINE_RUN_CONTEXT_TYPE_NAME, run_id)
    found = sorted(store.get_executions_by_context(context.id), key=lambda execution: execution.id)
    events = store.get_events_by_execution_ids([execution.id for execution in found]) if found else []
    ids = {event.artifact_id for event in events}
    artifacts = {each.id: each for each in store.get_artifacts_by_id(ids)} if ids else {}
    types = {each.id: each.name for each in store.get_artifact_types()}

    def of(execution: Any, kind: int) -> dict[str, list[Artifact]]:
        by_name: dict[str, list[Artifact]] = {}
        for event in events:
            if event.execution_id == execution.id and event.type == kind:
                found = artifacts[event.artifact_id]
                artifact = Artifact(found.id, types[found.type_id].rsplit(".", 1)[-1], found.uri)
                by_name.setdefault(event.path.steps[0].key, []).append(artifact)
        return by_name

    return [
        Execution(
            id=execution.id,
            stage=_stage(execution),
            state=_state(execution),
            started_s=execution.create_time_since_epoch / 1000,
            seconds=(execution.last_update_time_since_epoch - execution.create_time_since_epoch) / 1000,
            inputs=of(execution, metadata_store_pb2.Event.INPUT),
            outputs=of(execution, metadata_store_pb2.Event.OUTPUT),
        )
        for execution in found
    ]


def was_cached(store_connection: metadata_store_pb2.ConnectionConfig, execution_id: int) -> bool:
    """Whether an execution took its result from an earlier one."""
    store = metadata_store.MetadataStore(store_connection)
    [execution] = store.get_executions_by_id([execution_id])
    return bool(execution.last_known_state == metadata_store_pb2.Execution.CACHED)


def pushed_versions_exist(store_connection: metadata_store_pb2.ConnectionConfig) -> bool:
    """Whether all that was ever pushed is still there, so that a cached push is a true one."""
    store = metadata_store.MetadataStore(store_connection)
    artifacts = store.get_artifacts_by_type("PushedModel")
    destinations = [artifact.custom_properties["pushed_destination"].string_value for artifact in artifacts]
    return all(fileio.exists(destination) for destination in destinations if destination)


def _run(store: Any, config: PipelineConfig, context: Any) -> Run:
    executions = sorted(store.get_executions_by_context(context.id), key=lambda execution: execution.id)
    stages = {
        _stage(execution): _FINISHED.get(execution.last_known_state, "failed") for execution in executions
    }
    outputs = _outputs(store, executions)
    evaluation = outputs.get(("Evaluator", "evaluation"))
    pushed = outputs.get(("Pusher", "pushed_model"))
    model_run = outputs.get(("Trainer", "model_run"))
    blessing = outputs.get(("Evaluator", "blessing"))
    infra_blessing = outputs.get(("ServingValidator", "blessing"))
    properties = pushed.custom_properties if pushed else {}
    is_pushed = bool(properties and properties["pushed"].int_value)
    return Run(
        run_id=context.name,
        stages=stages,
        evaluation=_evaluation(evaluation),
        blessed=bool(blessing and blessing.custom_properties["blessed"].int_value),
        servable=bool(infra_blessing and infra_blessing.custom_properties["blessed"].int_value),
        pushed_version=int(properties["pushed_version"].string_value) if is_pushed else None,
        pushed_path=properties["pushed_destination"].string_value if is_pushed else None,
        evaluation_path=f"{evaluation.uri}/{summary.FILE}" if evaluation else None,
        tensorboard_path=model_run.uri if model_run else None,
    )


def _state(execution: Any) -> str:
    state = execution.last_known_state
    return "unfinished" if state in _RUNNING else _FINISHED.get(state, "failed")


def _stage(execution: Any) -> str:
    return str(execution.type).rsplit(".", 1)[-1]


def _outputs(store: Any, executions: list[Any]) -> dict[tuple[str, str], Any]:
    """(stage, output) -> artifact, of the stages that ended well."""
    finished = {
        execution.id: execution for execution in executions if execution.last_known_state in _FINISHED
    }
    events = store.get_events_by_execution_ids(list(finished)) if finished else []
    outputs = [event for event in events if event.type == metadata_store_pb2.Event.OUTPUT]
    artifacts = store.get_artifacts_by_id({event.artifact_id for event in outputs}) if outputs else []
    by_id = {artifact.id: artifact for artifact in artifacts}
    return {
        (_stage(finished[event.execution_id]), event.path.steps[0].key): by_id[event.artifact_id]
        for event in outputs
    }


def _evaluation(artifact: Any) -> summary.EvaluationSummary | None:
    if artifact is None or not fileio.exists(f"{artifact.uri}/{summary.FILE}"):
        return None
    return summary.read(artifact.uri)
