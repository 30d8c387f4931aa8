"""What a target would ignore, or could not do: found, by name, before anything is compiled."""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum

from pipeline import stack
from pipeline.config import PipelineConfig
from pipeline.kubeflow.settings import KubeflowConfig, StageTable, VertexConfig


class Target(str, Enum):
    """Who runs the compiled pipeline; also the name of its table."""

    KUBEFLOW = "kubeflow"
    VERTEX = "vertex"


_SCHEMES = {Target.KUBEFLOW: ("gs://", "s3://"), Target.VERTEX: ("gs://",)}
_SERVICES = {"FlinkRunner": "flink_master", "SparkRunner": "spark_master_url"}
"""Beam runners that would start an engine of their own, with Java, which a stage's container lacks."""


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
    for name in settings.stages:
        found += [
            f"{target.value}.stages.{name}.{problem}" for problem in _stage(settings.stage(name), target)
        ]
    return found


def _folders(config: PipelineConfig, target: Target) -> Iterator[str]:
    settings, schemes = table(config, target), _SCHEMES[target]
    expected = f"expected a folder in {' or '.join(schemes)}"
    if not settings.pipeline_root.startswith(schemes):
        reason = " (TFX has no file system for MinIO's own scheme)"
        shown = reason if settings.pipeline_root.startswith("minio://") else ""
        yield f"{target.value}.pipeline_root = {settings.pipeline_root!r}: {expected}{shown}"
    if not _is_there(settings.serving_dir, settings, target):
        yield f"{target.value}.serving_dir = {settings.serving_dir!r}: {expected}"
    paths = (settings.pipeline_root, settings.serving_dir, settings.corpus_path or "")
    if any(path.startswith("s3://") for path in paths) and not stack.HAS_S3:
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
    preset = config.model.preset
    if preset is not None and preset.startswith(("/", ".", "~")):
        yield f"model.preset = {preset!r}: is on this machine: give kaggle://… or hf://…"


def _is_there(path: str, settings: KubeflowConfig | VertexConfig, target: Target) -> bool:
    """In object storage, or on a volume that every stage has."""
    if path.startswith(_SCHEMES[target]):
        return True
    volumes = settings.default.volumes if isinstance(settings, KubeflowConfig) else {}
    return any(path == folder or path.startswith(f"{folder}/") for folder in volumes)


def _beam(config: PipelineConfig, target: Target) -> Iterator[str]:
    option = _SERVICES.get(config.beam.runner)
    names = [text.lstrip("-").partition("=")[0] for text in config.beam.options]
    if option is not None and option not in names:
        yield (
            f"beam.runner = {config.beam.runner!r}: needs --{option}=… in beam.options on {target.value}: a "
            "stage's container has no engine of its own"
        )


def _stage(stage: StageTable, target: Target) -> Iterator[str]:
    if target is Target.VERTEX and stage.gpus:
        from google.cloud.aiplatform_v1.types import AcceleratorType

        kinds = [name for name, kind in AcceleratorType.__members__.items() if kind.value]
        if stage.gpu_type not in kinds:
            yield f"gpu_type = {stage.gpu_type!r}: not a kind that Vertex AI has: {', '.join(kinds)}"
