"""Settings of the stock server: the configuration's ``[serving]`` table, frozen and documented by field.

What is the same for every model of a server: its image, where it runs, how it batches, is
watched and scales; and for this model, where its versions are and which of them are served.
"""

from __future__ import annotations

import math
import re
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from serving.batching.parameters import BatchingParameters
from serving.errors import StartError

_LABEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


class Table(BaseModel):
    """Base of the tables: immutable, and an unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class BatchingTable(Table):
    """How the stock server joins requests that arrive together."""

    enabled: bool = False
    """Whether it does. The stock server then wants every input of a request to have one value a row: a
    request of several prompts with one ``temperature`` for all is refused, which without batching, and on
    the embedded server, is answered."""
    max_batch_size: int = Field(default=32, ge=1)
    """Rows of a batch; a request with more is refused."""
    batch_timeout_micros: int = Field(default=0, ge=0)
    """How long a batch that is not full waits for more; 0: only while every thread is busy."""
    max_enqueued_batches: int = Field(default=100, ge=1)
    """Batches that wait for a thread; a request that would need one more is refused at once."""
    num_batch_threads: int | None = Field(default=None, ge=1)
    """Batches that run at once; as many as ``resources.cpu`` when left out."""
    allowed_batch_sizes: tuple[int, ...] = ()
    """Ascending, the last one ``max_batch_size``; a batch is padded to the next of them."""

    @model_validator(mode="after")
    def _a_server_takes_them(self) -> BatchingTable:
        try:
            self.parameters(1)
        except StartError as error:
            raise ValueError(str(error)) from error
        return self

    def parameters(self, num_threads: int) -> BatchingParameters:
        """As a server reads them; ``num_threads`` where the table has no number."""
        return BatchingParameters(
            max_batch_size=self.max_batch_size,
            batch_timeout_micros=self.batch_timeout_micros,
            max_enqueued_batches=self.max_enqueued_batches,
            num_batch_threads=self.num_batch_threads or num_threads,
            allowed_batch_sizes=self.allowed_batch_sizes,
        )


class ResourcesTable(Table):
    """What one replica gets."""

    cpu: float = Field(default=1.0, gt=0)
    """Cores requested, and rounded up the threads of TensorFlow, which would otherwise be one a core of the
    whole machine."""
    cpu_limit: float | None = Field(default=None, gt=0)
    """Cores at most; none when left out, as a limit slows a server down that could use idle cores."""
    memory_gb: float = Field(default=2.0, gt=0)
    """Requested, and the limit. During a swap two versions are loaded."""

    @model_validator(mode="after")
    def _the_limit_is_not_below_the_request(self) -> ResourcesTable:
        if self.cpu_limit is not None and self.cpu_limit < self.cpu:
            raise ValueError(f"cpu_limit = {self.cpu_limit} is below cpu = {self.cpu}")
        return self

    @property
    def num_threads(self) -> int:
        return math.ceil(self.cpu)


class ScalingTable(Table):
    """How many replicas run on Kubernetes."""

    min_replicas: int = Field(default=1, ge=1)
    """At least so many."""
    max_replicas: int = Field(default=4, ge=1)
    """At most so many."""
    cpu_percent: int = Field(default=70, ge=1, le=100)
    """Replicas are added while they use more than this share of ``resources.cpu`` on average."""

    @model_validator(mode="after")
    def _the_most_are_not_fewer_than_the_least(self) -> ScalingTable:
        if self.max_replicas < self.min_replicas:
            raise ValueError(
                f"max_replicas = {self.max_replicas} is below min_replicas = {self.min_replicas}"
            )
        return self


class ServingConfig(Table):
    """How the stock TensorFlow Serving runs what is pushed: what ``lexmill serving-config`` writes."""

    kind: Literal["deployment", "kserve"] = "deployment"
    """On Kubernetes: a Deployment with Service and HorizontalPodAutoscaler, or KServe's InferenceService."""
    image: str | None = None
    """Container image with tensorflow_model_server. When left out, the stock image that suits the TensorFlow
    that exported the newest pushed version, or else the installed one."""
    built_image: str | None = None
    """What the image that the Dockerfile builds is called, with its registry. ``lexmill-<name>:<version>``
    when left out, of the newest pushed version."""
    storage_uri: str | None = None
    """The folder of versions as the cluster sees it: ``gs://...``, which the stock server reads itself, or
    ``pvc://CLAIM/PATH``, a volume; KServe also copies from ``s3://`` and others. When left out, the
    Dockerfile puts the versions of ``output.serving_dir`` into the image."""
    version_policy: Literal["latest", "all", "specific"] = "latest"
    """Which versions are served."""
    num_versions: int = Field(default=1, ge=1)
    """Under ``latest``, how many."""
    versions: tuple[int, ...] = ()
    """Under ``specific``, which."""
    labels: dict[str, int] = Field(default_factory=dict)
    """Second names of versions, such as ``{ stable = 1, canary = 2 }``."""
    port: int = Field(default=8500, ge=1024, le=65535)
    """gRPC."""
    rest_api_port: int = Field(default=8501, ge=1024, le=65535)
    """REST and metrics."""
    rest_timeout_s: int = Field(default=60, ge=1)
    """A REST request that takes longer is answered with 504."""
    prometheus: bool = True
    """Whether metrics are shown."""
    prometheus_path: str = Field(default="/monitoring/prometheus/metrics", pattern=r"^/[A-Za-z0-9/_.-]*$")
    """Where, on the REST port."""
    poll_s: int = Field(default=5, ge=1)
    """Time between looks for new versions."""
    models_poll_s: int = Field(default=30, ge=0)
    """Time between looks at ``models.config``, so that labels move without a restart; 0: read once."""
    start_timeout_s: int = Field(default=300, ge=10)
    """How long a first load may take before Kubernetes starts the replica anew."""
    namespace: str | None = Field(default=None, pattern=r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$")
    """Kubernetes namespace; kubectl's current one when left out."""
    service_account: str | None = None
    """Kubernetes service account, where reading the versions needs one."""
    user_id: int = Field(default=10001, ge=1)
    """The user and group that the server runs as, never root."""
    batching: BatchingTable = BatchingTable()
    resources: ResourcesTable = ResourcesTable()
    scaling: ScalingTable = ScalingTable()

    @model_validator(mode="after")
    def _the_fields_agree(self) -> ServingConfig:
        if self.port == self.rest_api_port:
            raise ValueError(f"port and rest_api_port are both {self.port}: gRPC and REST need one each")
        if (self.version_policy == "specific") != bool(self.versions):
            raise ValueError('versions and version_policy = "specific" go together')
        wrong = [label for label in self.labels if not _LABEL.fullmatch(label)]
        if wrong:
            raise ValueError(
                f"{wrong[0]!r} is no label: letters, digits, '.', '_' and '-', as it is part of a URL"
            )
        if self.kind == "kserve" and self.storage_uri is None:
            raise ValueError('kind = "kserve" needs storage_uri: KServe copies the versions from there')
        return self
