"""What a target would ignore, or could not do: found, by name, before anything is compiled."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from pipeline import stack
from pipeline.config import PipelineConfig
from pipeline.kubeflow.settings import KubeflowConfig, KubeflowStage, StageTable, VertexConfig
from pipeline.kubeflow.target import Target

_SCHEMES = {Target.KUBEFLOW: ("gs://", "s3://"), Target.VERTEX: ("gs://",)}
_SERVICES = {"FlinkRunner": "flink_master", "SparkRunner": "spark_master_url"}
"""Beam runners that would start an engine of their own, with Java, which a stage's container lacks."""
_FOLDER = re.compile(r"(gs|s3)://[a-z0-9][a-z0-9._-]*(/[^/\s?#{}]+)*")
"""In object storage: a bucket, and folders with names: TFX reads no query and no placeholder."""
_VERTEX_GPUS = (1, 2, 4, 8, 16)
"""How many of a kind a machine of Vertex AI may have (``machineSpec.acceleratorCount``)."""
_NEEDS = {"gpu_type": "gpus", "retry_wait_s": "retries"}
"""Fields that mean something only where another is not 0."""


def table(config: PipelineConfig, target: Target) -> KubeflowConfig | VertexConfig:
    """The target's own table."""
    return config.kubeflow if target is Target.KUBEFLOW else config.vertex


def problems(config: PipelineConfig, target: Target) -> list[str]:
    """Everything that is wrong, a line each."""
    settings = table(config, target)
    found = [*_folders(config, target), *_inputs(config, target), *_beam(config, target)]
    if target is Target.VERTEX and config.training_job.workers:
        found.append(
            f"training_job.workers = {config.training_job.workers}: Vertex AI runs no TFJobs: set it to "
            "0, or compile with --target kubeflow"
        )
    found += [f"{target.value}.default.{problem}" for problem in _stage(settings.default, target)]
    found += _ignored("default", settings.default, [settings.default, *_each(settings)], target)
    for name in settings.stages:
        stage, place = settings.stage(name), f"stages.{name}"
        found += [f"{target.value}.{place}.{problem}" for problem in _stage(stage, target)]
        found += _ignored(place, settings.stages[name], [stage], target)
    if "TaskEvaluator" in settings.stages and not config.tasks.evaluate:
        found.append(
            f"{target.value}.stages.TaskEvaluator: this pipeline has no such stage, as tasks.evaluate names "
            "no task: remove it"
        )
    return found


def _each(settings: KubeflowConfig | VertexConfig) -> list[StageTable]:
    """What each stage with a table of its own gets."""
    return [settings.stage(name) for name in settings.stages]


def _ignored(place: str, given: StageTable, users: Sequence[StageTable], target: Target) -> Iterator[str]:
    """Fields of one table that none of those whom it concerns makes use of."""
    for name, other in _NEEDS.items():
        if name in given.model_fields_set and not any(getattr(user, other) for user in users):
            field = f"{target.value}.{place}.{name} = {getattr(given, name)!r}"
            yield f"{field}: would be ignored, as {other} = 0: give {other}, or remove it"


def _folders(config: PipelineConfig, target: Target) -> Iterator[str]:
    settings, schemes = table(config, target), _SCHEMES[target]
    expected = f"expected a folder in {' or '.join(schemes)}"
    if not settings.pipeline_root.startswith(schemes):
        reason = " (TFX has no file system for MinIO's own scheme)"
        shown = reason if settings.pipeline_root.startswith("minio://") else ""
        yield f"{target.value}.pipeline_root = {settings.pipeline_root!r}: {expected}{shown}"
    if not _is_there(settings.serving_dir, settings, target):
        yield f"{target.value}.serving_dir = {settings.serving_dir!r}: {expected}"
    places = {
        "pipeline_root": settings.pipeline_root,
        "serving_dir": settings.serving_dir,
        "corpus_path": settings.corpus_path or "",
    }
    for field, path in places.items():
        if path.startswith(schemes) and not _FOLDER.fullmatch(path):
            yield (
                f"{target.value}.{field} = {path!r}: expected a bucket and names, gs://my-bucket/folder: no "
                "query, no placeholder and no name that is empty"
            )
    if any(path.startswith("s3://") for path in places.values()) and not stack.HAS_S3:
        yield (
            "s3://: TensorFlow has no file system for it on Python 3.11 and later (tensorflow-io ended "
            "before): use gs://, or the base stack"
        )


def _inputs(config: PipelineConfig, target: Target) -> Iterator[str]:
    """Files that are read, and must be where the stages are."""
    settings = table(config, target)
    corpus = settings.corpus_path or config.corpus.path
    if not _is_there(corpus, settings, target):
        field = f"{target.value}.corpus_path" if settings.corpus_path else "corpus.path"
        yield (
            f"{field} = {corpus!r}: is on this machine, and no stage would find it: copy it to object "
            f"storage and set {target.value}.corpus_path"
        )
    for path in config.decontamination.against:
        if not _is_there(path, settings, target):
            yield f"decontamination.against: {path!r} is on this machine, and no stage would find it"
    for path in (path for task in config.tasks.evaluate for path in task.files()):
        if not _is_there(path, settings, target):
            yield f"tasks.evaluate: {path!r} is on this machine, and no stage would find it"
    preset = config.model.preset
    if preset is not None and preset.startswith(("/", ".", "~")):
        yield f"model.preset = {preset!r}: is on this machine: give kaggle://… or hf://…"


def _is_there(path: str, settings: KubeflowConfig | VertexConfig, target: Target) -> bool:
    """In object storage, or on a volume that every stage has."""
    return path.startswith(_SCHEMES[target]) or all(
        any(path == folder or path.startswith(f"{folder}/") for folder in _volumes(stage))
        for stage in (settings.default, *_each(settings))
    )


def _volumes(stage: StageTable) -> Mapping[str, str]:
    return stage.volumes if isinstance(stage, KubeflowStage) else {}


def _beam(config: PipelineConfig, target: Target) -> Iterator[str]:
    option = _SERVICES.get(config.beam.runner)
    names = [text.lstrip("-").partition("=")[0] for text in config.beam.options]
    if option is not None and option not in names:
        yield (
            f"beam.runner = {config.beam.runner!r}: needs --{option}=… in beam.options on {target.value}: a "
            "stage's container has no engine of its own"
        )


def _stage(stage: StageTable, target: Target) -> Iterator[str]:
    if target is not Target.VERTEX or not stage.gpus:
        return
    from google.cloud.aiplatform_v1.types import AcceleratorType

    kinds = [name for name in AcceleratorType.__members__ if name.startswith("NVIDIA_")]
    if stage.gpu_type not in kinds:
        yield f"gpu_type = {stage.gpu_type!r}: not a kind of GPU that Vertex AI has: {', '.join(kinds)}"
    if stage.gpus not in _VERTEX_GPUS:
        allowed = ", ".join(map(str, _VERTEX_GPUS))
        yield f"gpus = {stage.gpus}: a machine of Vertex AI has {allowed} of a kind"
