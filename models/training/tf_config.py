"""Which machines train together, and which of them this one is: ``TF_CONFIG``.

As TensorFlow's multi-worker training documents it and Kubeflow's training operator writes it. It is checked
before TensorFlow reads it, which would wait for ever for a worker that is not there, or end in a traceback.
Machines of other kinds have no part: ``ps`` (parameter servers) and ``evaluator``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from models.errors import DevicesError

_FORM = '{"cluster": {"worker": ["host:port", …]}, "task": {"type": "worker", "index": 0}}'
_Address = Annotated[str, Field(pattern=r"^\S+:\d{1,5}$")]


class _Cluster(BaseModel):
    model_config = ConfigDict(extra="forbid")

    chief: list[_Address] = Field(default=[], max_length=1)
    worker: list[_Address] = []


class _Task(BaseModel):
    type: Literal["chief", "worker"]
    index: int = Field(ge=0)


class _TFConfig(BaseModel):
    cluster: _Cluster = _Cluster()
    task: _Task | None = None


def num_workers(environment: Mapping[str, str]) -> int:
    """Machines that train together, the chief included; 1 without a cluster.

    Raises:
      DevicesError: ``TF_CONFIG`` is not of its form, or this machine is none of the cluster.
    """
    text = environment.get("TF_CONFIG", "")
    if not text.strip():
        return 1
    config = _read(text)
    count = len(config.cluster.chief) + len(config.cluster.worker)
    if count > 1:
        if config.task is None:
            raise DevicesError(f"TF_CONFIG: task: missing: expected {_FORM}")
        there: list[str] = getattr(config.cluster, config.task.type)
        if config.task.index >= len(there):
            place = f"TF_CONFIG: task.index = {config.task.index}"
            raise DevicesError(f"{place}: the cluster has {len(there)} of {config.task.type}")
    return max(1, count)


def _read(text: str) -> _TFConfig:
    try:
        content: Any = json.loads(text)
        return _TFConfig.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "content"
        what = "no such kind of machine takes part" if first["type"] == "extra_forbidden" else first["msg"]
        raise DevicesError(f"TF_CONFIG: {place}: {what}: expected {_FORM}, got {text[:200]!r}") from error
    except ValueError as error:
        raise DevicesError(f"TF_CONFIG: no JSON: expected {_FORM}, got {text[:200]!r}") from error
