"""Where a compiled pipeline is submitted to: the ``kubeflow.submit`` and ``vertex.submit`` tables.

Addresses and names only. Tokens are no part of a configuration: they come from the environment.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from pydantic import Field, field_validator

from models.config import Settings


class KubeflowSubmission(Settings):
    """The Kubeflow Pipelines server that ``lexmill submit`` talks to."""

    host: str | None = None
    """Its address, such as ``https://kubeflow.example.com/pipeline``, or ``http://localhost:8080`` where
    ``kubectl port-forward -n kubeflow svc/ml-pipeline-ui 8080:80`` runs."""
    namespace: str | None = Field(default=None, pattern=r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$")
    """Of a server with several users: yours."""
    experiment: str = Field(default="Default", min_length=1, max_length=128)
    """The experiment under which runs are listed; made when it is not there."""
    service_account: str | None = None
    """The Kubernetes service account that the run's pods have; the server's default when left out."""
    poll_s: float = Field(default=5.0, gt=0, le=600)
    """Time between looks at a run that is followed."""

    @field_validator("host")
    @classmethod
    def _an_address_without_credentials(cls, host: str | None) -> str | None:
        return None if host is None else checked_host(host)


class VertexSubmission(Settings):
    """The Vertex AI project that ``lexmill submit --target vertex`` talks to."""

    project: str | None = None
    """Google Cloud project."""
    region: str = Field(default="us-central1", pattern=r"^[a-z]+-[a-z]+[0-9]+$")
    """Where it runs, which should be where its storage is."""
    service_account: str | None = None
    """The Google service account that the run's machines have; the project's default one when left out."""
    poll_s: float = Field(default=15.0, gt=0, le=600)
    """Time between looks at a run that is followed."""


def checked_host(host: str) -> str:
    """The address without a slash at its end.

    Raises:
      ValueError: it is no HTTP address, or has more in it than an address.
    """
    parts = urlsplit(host)
    if parts.username is not None or parts.password is not None:
        raise ValueError("an address without name and password: tokens are given in LEXMILL_KFP_TOKEN")
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise ValueError("expected an address such as https://kubeflow.example.com/pipeline")
    return host.rstrip("/")
