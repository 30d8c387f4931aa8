"""What Kubernetes takes as names and amounts, checked when a configuration is read.

Its API server would refuse the rest when a stage's pod is made: after the upload, and one stage at a time.
Rules: kubernetes.io, "Object Names and IDs", "Labels and Selectors", "Taints and Tolerations".
"""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from models.config import Settings

MAX_CPU, MAX_MEMORY_GB = 10_000, 100_000
MIN_AMOUNT = 0.001
"""Of either: a smaller number would be written with an exponent, which is no amount before a unit."""
SHARED_MEMORY, SHARED_MEMORY_FOLDER = "shared-memory", "/dev/shm"
"""A volume in memory where a container has several GPUs: by it NCCL sums gradients between those that cannot
reach each other's memory, and the 64 MB that a container has of its own are too few. It counts as memory."""
_ENVIRONMENT = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_LABEL = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?")
_DOMAIN = re.compile(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?")
_FOLDER = re.compile(r"(/[^/:\s]+)+")


class Toleration(Settings):
    """As in a Kubernetes pod's specification."""

    key: str
    """The taint's key."""
    operator: Literal["Equal", "Exists"] = "Exists"
    """``Exists``: whatever the taint's value."""
    value: str = Field(default="", max_length=63)
    """Under ``Equal``, the taint's value."""
    effect: Literal["", "NoSchedule", "PreferNoSchedule", "NoExecute"] = ""
    """Which of the taint's effects; all of them when left out."""

    @model_validator(mode="after")
    def _a_value_is_compared(self) -> Toleration:
        if self.value and self.operator == "Exists":
            raise ValueError(f'value = {self.value!r} is compared under operator = "Equal" only: add that')
        if not self.key and self.operator == "Equal":
            raise ValueError('key = "" tolerates every taint, which operator = "Exists" does only')
        return self

    def written(self) -> dict[str, str]:
        """What differs from nothing, and the operator, whose default is another one there."""
        return {"operator": self.operator, **self.model_dump(exclude_defaults=True)}


def _checked_environment(environment: dict[str, str]) -> dict[str, str]:
    for name in environment:
        if not _ENVIRONMENT.fullmatch(name):
            raise ValueError(f"{name!r} is no name of an environment variable: letters, digits and _")
    return environment


def _checked_resource(name: str) -> str:
    domain, _, kind = name.partition("/")
    if not _DOMAIN.fullmatch(domain) or not _LABEL.fullmatch(kind):
        raise ValueError(
            "Kubernetes would wait for ever for a resource of this name: give one such as "
            "nvidia.com/gpu, and choose the kind of GPU by node_selector"
        )
    return name


def _checked_labels(labels: dict[str, str]) -> dict[str, str]:
    for name, value in labels.items():
        domain, slash, own = name.rpartition("/")
        if not _LABEL.fullmatch(own) or (slash and not _DOMAIN.fullmatch(domain)):
            raise ValueError(f"{name!r} is no label of a node: expected one such as example.com/name")
        if value and not _LABEL.fullmatch(value):
            raise ValueError(
                f"{name}: {value!r} is no label's value: at most 63 letters, digits, '-', '_' and '.', "
                "a letter or digit first and last"
            )
    return labels


def _checked_volumes(volumes: dict[str, str]) -> dict[str, str]:
    for folder, claim in volumes.items():
        if not _FOLDER.fullmatch(folder):
            raise ValueError(f"{folder!r}: a volume is mounted at an absolute path such as /data")
        if not _DOMAIN.fullmatch(claim):
            raise ValueError(f"{folder}: {claim!r} is no name of a claim: lower-case letters, digits and '-'")
    return volumes


Environment = Annotated[dict[str, str], AfterValidator(_checked_environment)]
"""Variables by name."""
ResourceName = Annotated[str, AfterValidator(_checked_resource)]
"""Of a resource that a vendor adds, such as ``nvidia.com/gpu``."""
Labels = Annotated[dict[str, str], AfterValidator(_checked_labels)]
"""``[DOMAIN/]NAME``, and its value."""
Volumes = Annotated[dict[str, str], AfterValidator(_checked_volumes)]
"""Claims, by the absolute folder where each is mounted."""
