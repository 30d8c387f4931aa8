"""The records of what ran, as plain data: the one module that queries ML Metadata.

A stage of a run is an `Execution`, what it took and made are `Artifact`s. A stage whose result came from
the cache is an execution of its own, with the artifacts that an earlier one made.
"""

from __future__ import annotations

import dataclasses
import functools
import os
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from ml_metadata.proto import metadata_store_pb2
from tfx.dsl.compiler import constants

from pipeline.metadata import connection

if TYPE_CHECKING:
    from pipeline.config import PipelineConfig

DONE, CACHED, FAILED, UNFINISHED = "done", "cached", "failed", "unfinished"
FINISHED = (DONE, CACHED)
_STATES = {
    metadata_store_pb2.Execution.COMPLETE: DONE,
    metadata_store_pb2.Execution.CACHED: CACHED,
    metadata_store_pb2.Execution.NEW: UNFINISHED,
    metadata_store_pb2.Execution.RUNNING: UNFINISHED,
}

Value = str | int | float


@dataclasses.dataclass(frozen=True)
class Artifact:
    """Something that a stage took or made."""

    id: int
    type: str
    uri: str
    properties: Mapping[str, Value] = dataclasses.field(default_factory=dict)
    """Custom ones."""


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
    properties: Mapping[str, Value] = dataclasses.field(default_factory=dict)
    """What the stage was given besides its inputs."""


class Store:
    """One pipeline's records; a server may hold those of others beside them."""

    def __init__(self, config: PipelineConfig, environment: Mapping[str, str] = os.environ) -> None:
        """Connects.

        Raises:
          MetadataError: it does not answer, in one line.
        """
        self._pipeline = config.name
        self._store = connection.connect(config, environment)

    def run_ids(self) -> list[str]:
        """Of every run of this pipeline, the newest first."""
        contexts = self._store.get_contexts_by_type(constants.PIPELINE_RUN_CONTEXT_TYPE_NAME)
        of_pipeline = self._of_pipeline()
        if of_pipeline is not None:
            contexts = [context for context in contexts if self._ids(context) & of_pipeline]
        return sorted((context.name for context in contexts), reverse=True)

    def executions(self, run_id: str) -> list[Execution]:
        """The stages of one run, in the order in which they began, with their artifacts: its lineage."""
        context = self._store.get_context_by_type_and_name(constants.PIPELINE_RUN_CONTEXT_TYPE_NAME, run_id)
        return self._described(self._store.get_executions_by_context(context.id)) if context else []

    def state(self, execution_id: int) -> str:
        """``done``, ``cached``, ``failed`` or ``unfinished``."""
        [execution] = self._store.get_executions_by_id([execution_id])
        return _state(execution)

    def artifacts(self, type_name: str) -> list[Artifact]:
        """All of one type, of any pipeline, in the order in which they were made."""
        found = self._store.get_artifacts_by_type(type_name)
        return [self._artifact(artifact) for artifact in sorted(found, key=lambda artifact: artifact.id)]

    def makers(self, artifact_ids: Iterable[int]) -> list[Execution]:
        """The executions that made these artifacts, not those that found them in the cache."""
        wanted = sorted(set(artifact_ids))
        events = self._store.get_events_by_artifact_ids(wanted) if wanted else []
        ids = sorted(
            {event.execution_id for event in events if event.type == metadata_store_pb2.Event.OUTPUT}
        )
        found = self._store.get_executions_by_id(ids) if ids else []
        return self._described([execution for execution in found if _state(execution) == DONE])

    def run_id_of(self, execution_id: int) -> str | None:
        """The run that an execution belongs to."""
        for context in self._store.get_contexts_by_execution(execution_id):
            if context.type == constants.PIPELINE_RUN_CONTEXT_TYPE_NAME:
                return str(context.name)
        return None

    @functools.cached_property
    def _artifact_types(self) -> dict[int, str]:
        return {each.id: each.name.rsplit(".", 1)[-1] for each in self._store.get_artifact_types()}

    def _of_pipeline(self) -> set[int] | None:
        """Ids of this pipeline's executions; None in a store that knows of no pipelines."""
        known = {each.name for each in self._store.get_context_types()}
        if constants.PIPELINE_CONTEXT_TYPE_NAME not in known:
            return None
        context = self._store.get_context_by_type_and_name(
            constants.PIPELINE_CONTEXT_TYPE_NAME, self._pipeline
        )
        return self._ids(context) if context else set()

    def _ids(self, context: Any) -> set[int]:
        return {execution.id for execution in self._store.get_executions_by_context(context.id)}

    def _described(self, executions: Iterable[Any]) -> list[Execution]:
        found = sorted(executions, key=lambda execution: execution.id)
        events = self._store.get_events_by_execution_ids([each.id for each in found]) if found else []
        ids = {event.artifact_id for event in events}
        artifacts = (
            {each.id: self._artifact(each) for each in self._store.get_artifacts_by_id(ids)} if ids else {}
        )

        def of(execution: Any, kind: int) -> dict[str, list[Artifact]]:
            by_name: dict[str, list[Artifact]] = {}
            for event in events:
                if event.execution_id == execution.id and event.type == kind:
                    name = event.path.steps[0].key if event.path.steps else ""
                    by_name.setdefault(name, []).append(artifacts[event.artifact_id])
            return by_name

        return [
            Execution(
                id=execution.id,
                stage=str(execution.type).rsplit(".", 1)[-1],
                state=_state(execution),
                started_s=execution.create_time_since_epoch / 1000,
                seconds=(execution.last_update_time_since_epoch - execution.create_time_since_epoch) / 1000,
                inputs=of(execution, metadata_store_pb2.Event.INPUT),
                outputs=of(execution, metadata_store_pb2.Event.OUTPUT),
                properties=_values(execution.custom_properties),
            )
            for execution in found
        ]

    def _artifact(self, artifact: Any) -> Artifact:
        values = _values(artifact.custom_properties)
        return Artifact(artifact.id, self._artifact_types[artifact.type_id], artifact.uri, values)


def _values(properties: Any) -> dict[str, Value]:
    return {
        name: getattr(value, value.WhichOneof("value") or "string_value")
        for name, value in properties.items()
    }


def _state(execution: Any) -> str:
    return _STATES.get(execution.last_known_state, FAILED)
