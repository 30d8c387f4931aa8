"""What the compiled pipeline needs beyond the pipeline itself: the ``kubeflow`` and ``vertex`` tables.

Each has where things are, what every stage gets (``default``), and what single stages get instead
(``stages``). The two targets honour different things, so each has fields of its own; what a target
would ignore is no field of its table.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, TypeVar

from pydantic import Field, field_validator, model_validator

from components import kubernetes
from components.kubernetes import Environment, Labels, ResourceName, Toleration, Volumes
from models.config import Settings
from pipeline.kubeflow.submit_settings import KubeflowSubmission, VertexSubmission

Stage = Literal[
    "CorpusGen", "StatisticsGen", "SchemaGen", "ExampleValidator", "DataGate", "TokenizerTrainer",
    "SequencePacker", "Trainer", "BaselineFinder", "Evaluator", "TaskEvaluator", "ServingValidator", "Pusher",
]  # fmt: skip

_ONLY_KUBERNETES = ("node_selector", "tolerations", "volumes", "timeout_s")


class StageTable(Settings):
    """What a stage's container gets, on either target; a field that a stage leaves out is the default's."""

    cpu: float | None = Field(default=None, ge=kubernetes.MIN_AMOUNT, le=kubernetes.MAX_CPU)
    """CPU cores, requested and at most; the cluster's own default when left out."""
    memory_gb: float | None = Field(default=None, ge=kubernetes.MIN_AMOUNT, le=kubernetes.MAX_MEMORY_GB)
    """Memory, requested and at most, in GB."""
    gpus: int = Field(default=0, ge=0, le=16)
    """GPUs."""
    gpu_type: str = ""
    """Which; the target's own name."""
    environment: Environment = Field(default_factory=dict)
    """Environment variables; a stage's are added to the default's. No part of the cache's key."""
    retries: int = Field(default=0, ge=0, le=10)
    """How often a stage that failed is run again. A retried stage starts with empty outputs; the Trainer
    goes on from its last checkpoint."""
    retry_wait_s: int = Field(default=60, ge=0, le=3600)
    """Before the first retry; twice as long before each further one (on Vertex AI an hour at most)."""
    caching: bool | None = None
    """Whether an earlier run's result is taken when inputs, settings and image name are the same. When left
    out, all stages but two: CorpusGen, as the target does not look whether files have changed, and
    Pusher, as it does not look whether a version was removed. ``true`` for CorpusGen makes the files'
    names, sizes and times of change, as they are at compilation, part of the key."""


class KubeflowStage(StageTable):
    """What a stage's pod gets; a field that a stage leaves out is the default's."""

    gpu_type: ResourceName = "nvidia.com/gpu"
    """The Kubernetes resource name of a GPU."""
    node_selector: Labels = Field(default_factory=dict)
    """Labels that a node must have, such as ``{ "cloud.google.com/gke-accelerator" = "nvidia-l4" }``."""
    tolerations: tuple[Toleration, ...] = ()
    """Taints of nodes that the pod puts up with: ``{ key = "nvidia.com/gpu" }``."""
    volumes: Volumes = Field(default_factory=dict)
    """Persistent volume claims by the folder where they are mounted: ``{ "/data" = "corpus" }``."""
    timeout_s: int = Field(default=0, ge=0)
    """Ends the pod after so many seconds; 0: never."""


class VertexStage(StageTable):
    """What a stage's machine has; a field that a stage leaves out is the default's."""

    gpu_type: str = "NVIDIA_TESLA_T4"
    """Vertex AI's name of the GPU, such as ``NVIDIA_L4`` or ``NVIDIA_TESLA_A100``."""

    @model_validator(mode="before")
    @classmethod
    def _nothing_of_kubernetes(cls, values: Any) -> Any:
        for name in _ONLY_KUBERNETES if isinstance(values, dict) else ():
            if name in values:
                raise ValueError(
                    f"{name}: Vertex AI runs no pods of yours and would ignore it: remove it, and choose "
                    "machines by cpu, memory_gb, gpus and gpu_type"
                )
        return values


AnyStage = TypeVar("AnyStage", bound=StageTable)


class TargetTable(Settings):
    """What both targets have."""

    image: str = Field(default="lexmill:latest", pattern=r"^\S+$")
    """Container image with this package installed. The name is part of the cache's key, and what is in it is
    not: give a new image a new name."""
    pipeline_root: str = "gs://lexmill/pipelines"
    """Object storage folder for artifacts, one sub-folder a pipeline."""
    serving_dir: str = "gs://lexmill/serving_models"
    """Object storage folder to which versions are pushed."""
    corpus_path: str | None = None
    """Object storage folder of the corpus; ``corpus.path`` when left out."""

    @field_validator("pipeline_root", "serving_dir", "corpus_path")
    @classmethod
    def _no_slash_at_the_end(cls, folder: str | None) -> str | None:
        if folder is None or folder.endswith("://"):
            return folder
        return folder.rstrip("/")  # ``a//b`` is another object than ``a/b``.


class KubeflowConfig(TargetTable):
    """Kubeflow Pipelines: what only the target kubeflow reads."""

    submit: KubeflowSubmission = KubeflowSubmission()
    default: KubeflowStage = KubeflowStage()
    stages: dict[Stage, KubeflowStage] = Field(default_factory=dict)
    """By stage, what it gets instead of the default: ``[kubeflow.stages.Trainer]``, with ``gpus = 1``."""

    def stage(self, name: str) -> KubeflowStage:
        """What a stage gets."""
        return _merged(self.default, self.stages, name)


class VertexConfig(TargetTable):
    """Vertex AI Pipelines: what only the target vertex reads."""

    submit: VertexSubmission = VertexSubmission()
    default: VertexStage = VertexStage()
    stages: dict[Stage, VertexStage] = Field(default_factory=dict)
    """By stage, what it gets instead of the default: ``[vertex.stages.Trainer]``, with ``gpus = 1``."""

    def stage(self, name: str) -> VertexStage:
        """What a stage gets."""
        return _merged(self.default, self.stages, name)


def _merged(default: AnyStage, stages: Mapping[Any, AnyStage], name: str) -> AnyStage:
    own = stages.get(name)
    if own is None:
        return default
    values = {field: getattr(own, field) for field in own.model_fields_set}
    values["environment"] = {**default.environment, **own.environment}
    return default.model_copy(update=values)
