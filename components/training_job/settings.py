"""How training runs on several machines of a cluster: the ``training_job`` table."""

from __future__ import annotations

import re

from pydantic import Field, field_validator

from components import kubernetes
from components.kubernetes import Environment, Labels, ResourceName, Toleration
from models.config import Settings

_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")


class TrainingJobConfig(Settings):
    """Training on several machines, by Kubeflow's training operator; of the compiled pipeline."""

    workers: int = Field(default=0, ge=0, le=1024)
    """Machines that train one model together, each with a part of every batch. 0: the Trainer stage trains in
    its own container; else that stage starts a TFJob, waits for it and needs no GPU itself."""
    image: str | None = Field(default=None, min_length=1)
    """Container image with this package installed; ``kubeflow.image`` when left out."""
    namespace: str = "kubeflow"
    """Of the job; the Trainer's service account must be allowed to create TFJobs there."""
    service_account: str | None = Field(default=None, min_length=1)
    """Of the workers, which read rows and write the model; the namespace's own when left out."""
    cpu: float = Field(default=4.0, ge=kubernetes.MIN_AMOUNT, le=kubernetes.MAX_CPU)
    """Cores of each worker."""
    memory_gb: float = Field(default=16.0, ge=kubernetes.MIN_AMOUNT, le=kubernetes.MAX_MEMORY_GB)
    """Memory of each worker, in GB."""
    gpus: int = Field(default=1, ge=0, le=16)
    """Of each worker."""
    gpu_type: ResourceName = "nvidia.com/gpu"
    """The Kubernetes resource name of a GPU."""
    node_selector: Labels = Field(default_factory=dict)
    """Labels that a worker's node must have."""
    tolerations: tuple[Toleration, ...] = ()
    """Taints of nodes that the workers put up with: ``{ key = "nvidia.com/gpu" }``."""
    environment: Environment = Field(default_factory=dict)
    """Environment variables of the workers, who have none of the stages'."""
    retries: int = Field(default=3, ge=0, le=100)
    """How often the workers are started again when one fails, and with it all of them; training goes on
    from its last checkpoint."""
    timeout_s: int = Field(default=7 * 24 * 3600, ge=60)
    """Ends the job, and the stage, after so many seconds."""
    poll_s: float = Field(default=10.0, gt=0, le=600)
    """Between looks at the job."""

    @field_validator("namespace")
    @classmethod
    def _a_namespace(cls, namespace: str) -> str:
        if not _NAME.fullmatch(namespace):
            raise ValueError("a namespace is lower-case letters, digits and '-', at most 63")
        return namespace
