"""Past runs, from their records (`pipeline.metadata`): what ran, on which configuration, what came of it."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from tfx.dsl.io import fileio

from components.evaluator import summary
from components.task_evaluator import results
from pipeline.config import PipelineConfig
from pipeline.errors import MissingInputError
from pipeline.metadata import connection
from pipeline.metadata.store import CACHED, FAILED, FINISHED, Artifact, Execution, Store

_SHOWN_RUNS = 5
_FIRST_STAGE = "CorpusGen"


@dataclasses.dataclass(frozen=True)
class Run:
    """One run of a pipeline."""

    run_id: str
    stages: dict[str, str]
    """Stage -> ``done``, ``cached`` or ``failed``, in the order in which they ran."""
    evaluation: summary.EvaluationSummary | None
    tasks: results.TaskReport | None
    """None where no tasks were asked."""
    blessed: bool
    """By the Evaluator, and by the TaskEvaluator where there are tasks."""
    servable: bool
    """Blessed by the ServingValidator."""
    pushed_version: int | None
    pushed_path: str | None
    evaluation_path: str | None
    tasks_path: str | None
    tensorboard_path: str | None


def runs(config: PipelineConfig) -> list[Run]:
    """Every run of this pipeline, the newest first; empty when it never ran."""
    if not connection.exists(config):
        return []
    store = Store(config)
    found = ((run_id, store.executions(run_id)) for run_id in store.run_ids())
    return [_run(run_id, executions) for run_id, executions in found if _is_whole(executions)]


def choose(config: PipelineConfig, run_id: str | None, command: str) -> Run:
    """One run by its id, the latest without one.

    Args:
      command: how the user starts a run of this configuration, for the hint.

    Raises:
      MissingInputError: there is no such run; the message names those that there are.
    """
    store = Store(config) if connection.exists(config) else None
    found = store.run_ids() if store else []
    if store is None or not found:
        raise MissingInputError(f"{config.root}: {config.name!r} has no runs yet: start one with '{command}'")
    if run_id is not None and run_id not in found:
        known = ", ".join(found[:_SHOWN_RUNS])
        more = f" and {len(found) - _SHOWN_RUNS} older ones" if len(found) > _SHOWN_RUNS else ""
        raise MissingInputError(f"{run_id}: {config.name!r} has no such run: there are {known}{more}")
    whole = (each for each in found if _is_whole(store.executions(each)))
    chosen = run_id or next(whole, found[0])
    return _run(chosen, store.executions(chosen))


def find(config: PipelineConfig, run_id: str) -> Run:
    """One run by its id, which must exist."""
    return _run(run_id, executions(config, run_id))


def output_uris(config: PipelineConfig, run_id: str) -> dict[tuple[str, str], str]:
    """(stage, output) -> folder, of the stages of a run that have ended; those of a cached one, too."""
    return {key: artifact.uri for key, artifact in _outputs(executions(config, run_id)).items()}


def executions(config: PipelineConfig, run_id: str) -> list[Execution]:
    """The stages of one run, in the order in which they ran, with their artifacts: its lineage."""
    return Store(config).executions(run_id)


def was_cached(store: Store, execution_id: int) -> bool:
    """Whether an execution took its result from an earlier one."""
    return store.state(execution_id) == CACHED


def pushed_versions_exist(store: Store) -> bool:
    """Whether all that was ever pushed is still there, so that a cached push is a true one."""
    destinations = [
        artifact.properties.get("pushed_destination") for artifact in store.artifacts("PushedModel")
    ]
    return all(fileio.exists(destination) for destination in destinations if destination)


def _is_whole(executions: Sequence[Execution]) -> bool:
    """Not so are a ladder's predictions and its report: to TFX they are runs, with no data of their own."""
    return not executions or any(each.stage == _FIRST_STAGE for each in executions)


def _run(run_id: str, executions: Sequence[Execution]) -> Run:
    outputs = _outputs(executions)
    evaluation = outputs.get(("Evaluator", "evaluation"))
    model_run = outputs.get(("Trainer", "model_run"))
    pushed = outputs.get(("Pusher", "pushed_model"))
    properties = pushed.properties if pushed and pushed.properties.get("pushed") else {}
    tasks = outputs.get(("TaskEvaluator", "report"))
    ran = {each.stage for each in executions}
    judges = ("Evaluator", "TaskEvaluator") if "TaskEvaluator" in ran else ("Evaluator",)
    return Run(
        run_id=run_id,
        stages={each.stage: each.state if each.state in FINISHED else FAILED for each in executions},
        evaluation=_evaluation(evaluation),
        tasks=_tasks(tasks),
        blessed=all(_is_blessed(outputs.get((stage, "blessing"))) for stage in judges),
        servable=_is_blessed(outputs.get(("ServingValidator", "blessing"))),
        pushed_version=int(properties["pushed_version"]) if properties else None,
        pushed_path=str(properties["pushed_destination"]) if properties else None,
        evaluation_path=f"{evaluation.uri}/{summary.FILE}" if evaluation else None,
        tasks_path=f"{tasks.uri}/{results.FILE}" if tasks else None,
        tensorboard_path=model_run.uri if model_run else None,
    )


def _is_blessed(blessing: Artifact | None) -> bool:
    return bool(blessing and blessing.properties.get("blessed"))


def _outputs(executions: Sequence[Execution]) -> dict[tuple[str, str], Artifact]:
    """(stage, output) -> artifact, of the stages that ended well."""
    return {
        (each.stage, name): artifacts[-1]
        for each in executions
        if each.state in FINISHED
        for name, artifacts in each.outputs.items()
    }


def _evaluation(artifact: Artifact | None) -> summary.EvaluationSummary | None:
    if artifact is None or not fileio.exists(f"{artifact.uri}/{summary.FILE}"):
        return None
    return summary.read(artifact.uri)


def _tasks(artifact: Artifact | None) -> results.TaskReport | None:
    if artifact is None or not fileio.exists(f"{artifact.uri}/{results.FILE}"):
        return None
    return results.read(artifact.uri)
