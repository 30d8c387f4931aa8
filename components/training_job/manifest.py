"""The TFJob (kubeflow.org/v1) of a training: typed, so that what is no field of one cannot be written.

Only workers: the first of them writes checkpoints, logs and the model (`models.training.strategy`). The
operator gives each pod the cluster and its place in it as ``TF_CONFIG``, and expects the container to be
called ``tensorflow``, with its port by the name ``tfjob-port``.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from components import kubernetes
from components.training_job.settings import TrainingJobConfig
from models.config import Settings

GROUP, VERSION, PLURAL = "kubeflow.org", "v1", "tfjobs"
COMMAND = ("python", "-m", "components.training_job")
_PORT = 2222
_USER_ID = 10001


class Port(Settings):
    name: Literal["tfjob-port"] = "tfjob-port"
    containerPort: int = _PORT


class Variable(Settings):
    name: str
    value: str


class Resources(Settings):
    requests: dict[str, str]
    limits: dict[str, str]


class Mount(Settings):
    name: str
    mountPath: str


_SHARED_MEMORY = Mount(name=kubernetes.SHARED_MEMORY, mountPath=kubernetes.SHARED_MEMORY_FOLDER)


class EmptyFolder(Settings):
    medium: Literal["Memory"] = "Memory"


class Volume(Settings):
    name: str
    emptyDir: EmptyFolder = EmptyFolder()


class Container(Settings):
    name: Literal["tensorflow"] = "tensorflow"
    image: str
    command: tuple[str, ...] = COMMAND
    args: tuple[str, ...]
    env: tuple[Variable, ...] = ()
    ports: tuple[Port, ...] = (Port(),)
    resources: Resources
    volumeMounts: tuple[Mount, ...] | None = None


class SecurityContext(Settings):
    runAsNonRoot: bool = True
    runAsUser: int = _USER_ID
    fsGroup: int = _USER_ID


class PodSpec(Settings):
    containers: tuple[Container, ...]
    serviceAccountName: str | None = None
    nodeSelector: dict[str, str] | None = None
    tolerations: tuple[dict[str, str], ...] | None = None
    volumes: tuple[Volume, ...] | None = None
    securityContext: SecurityContext = SecurityContext()


class PodMetadata(Settings):
    annotations: dict[str, str] = Field(default_factory=lambda: {"sidecar.istio.io/inject": "false"})
    """A mesh's proxy would keep the pod from ending, and the workers from finding each other."""


class PodTemplate(Settings):
    metadata: PodMetadata = PodMetadata()
    spec: PodSpec


class ReplicaSpec(Settings):
    replicas: int = Field(ge=1)
    restartPolicy: Literal["OnFailure", "Never", "Always", "ExitCode"] = "OnFailure"
    template: PodTemplate


class ReplicaSpecs(Settings):
    Worker: ReplicaSpec


class RunPolicy(Settings):
    cleanPodPolicy: Literal["Running", "All", "None"] = "Running"
    """The pods of workers that ended stay, with their logs, until the job goes."""
    backoffLimit: int
    activeDeadlineSeconds: int
    ttlSecondsAfterFinished: int = 7 * 24 * 3600


class JobSpec(Settings):
    runPolicy: RunPolicy
    tfReplicaSpecs: ReplicaSpecs


class JobMetadata(Settings):
    name: str = Field(pattern=r"^[a-z]([a-z0-9-]{0,50}[a-z0-9])?$")
    namespace: str
    labels: dict[str, str]


class TFJob(Settings):
    """As the training operator's custom resource definition has it, as far as it is used here."""

    apiVersion: Literal["kubeflow.org/v1"] = "kubeflow.org/v1"
    kind: Literal["TFJob"] = "TFJob"
    metadata: JobMetadata
    spec: JobSpec

    def as_dict(self) -> dict[str, Any]:
        """Plain values, as YAML and the API server take them."""
        return self.model_dump(mode="json", exclude_none=True)


def build(settings: TrainingJobConfig, name: str, pipeline: str, image: str, request: str) -> TFJob:
    """The job of one training.

    Args:
      name: of the job; the workers' names are made of it.
      pipeline: for the label.
      request: URI of the file that says what to train: `components.training_job.request`.
    """
    amounts = {"cpu": _amount(settings.cpu), "memory": f"{_amount(settings.memory_gb)}G"}
    gpus = {settings.gpu_type: str(settings.gpus)} if settings.gpus else {}
    container = Container(
        image=image,
        args=(request,),
        env=tuple(Variable(name=key, value=value) for key, value in sorted(settings.environment.items())),
        resources=Resources(requests={**amounts, **gpus}, limits={**amounts, **gpus}),
        volumeMounts=(_SHARED_MEMORY,) if settings.gpus > 1 else None,
    )
    pod = PodSpec(
        containers=(container,),
        serviceAccountName=settings.service_account,
        nodeSelector=settings.node_selector or None,
        tolerations=tuple(each.written() for each in settings.tolerations) or None,
        volumes=(Volume(name=_SHARED_MEMORY.name),) if settings.gpus > 1 else None,
    )
    return TFJob(
        metadata=JobMetadata(
            name=name,
            namespace=settings.namespace,
            labels={"app.kubernetes.io/managed-by": "lexmill", "lexmill/pipeline": pipeline},
        ),
        spec=JobSpec(
            runPolicy=RunPolicy(backoffLimit=_restarts(settings), activeDeadlineSeconds=settings.timeout_s),
            tfReplicaSpecs=ReplicaSpecs(
                Worker=ReplicaSpec(replicas=settings.workers, template=PodTemplate(spec=pod))
            ),
        ),
    )


def _restarts(settings: TrainingJobConfig) -> int:
    """At which number of restarts, of all workers together, the operator ends the job.

    When one worker fails, the others lose it and fail, too: ``retries=3`` of 4 workers are 12 restarts, which
    must stay below the number (``PastBackoffLimit`` in the training operator's pkg/core/job.go).
    """
    return settings.retries * settings.workers + 1 if settings.retries else 0


def _amount(number: float) -> str:
    """Without an exponent, which Kubernetes does not take before a unit."""
    return f"{number:f}".rstrip("0").rstrip(".")
