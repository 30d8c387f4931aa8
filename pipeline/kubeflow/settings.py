"""What the compiled pipeline is made of, beyond the pipeline itself: the ``kubeflow`` table."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from models.config import Settings
from pipeline.kubeflow.submit_settings import KubeflowSubmission, VertexSubmission

Stage = Literal[
    "CorpusGen", "StatisticsGen", "SchemaGen", "ExampleValidator", "DataGate", "TokenizerTrainer",
    "SequencePacker", "Trainer", "BaselineFinder", "Evaluator", "ServingValidator", "Pusher",
]  # fmt: skip


class KubeflowConfig(Settings):
    """What only the compiled pipeline needs."""

    image: str = "lexmill:latest"
    """Container image with this package installed."""
    pipeline_root: str = "gs://lexmill/pipelines"
    """Object storage folder for artifacts."""
    serving_dir: str = "gs://lexmill/serving_models"
    """Object storage folder to which versions are pushed."""
    corpus_path: str | None = None
    """Object storage folder of the corpus; ``corpus.path`` when left out."""
    trainer_gpus: int = Field(default=0, ge=0, le=16)
    """GPUs requested for the Trainer."""
    gpu_type: str = "nvidia.com/gpu"
    """The Kubernetes resource name of a GPU."""
    trainer_cpu: float = Field(default=2.0, gt=0)
    """CPU cores for the Trainer."""
    trainer_memory_gb: float = Field(default=8.0, gt=0)
    """Memory for the Trainer, in GB."""
    submit: KubeflowSubmission = KubeflowSubmission()


class VertexConfig(Settings):
    """Vertex."""

    submit: VertexSubmission = VertexSubmission()
