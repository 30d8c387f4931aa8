"""ModelSpec: which model, version and signature a request means, and which answered."""

from __future__ import annotations

from typing import Any

from tensorflow_serving.apis import model_pb2

from serving.errors import InvalidArgumentError
from serving.servables.servable import DEFAULT_SIGNATURE
from serving.versions.catalog import Catalog
from serving.versions.repository import Lease


def given_spec(request: Any) -> model_pb2.ModelSpec:
    """The request's model_spec; InvalidArgumentError if it has none."""
    if not request.HasField("model_spec"):
        raise InvalidArgumentError("Missing ModelSpec")
    return request.model_spec


def acquired(catalog: Catalog, spec: model_pb2.ModelSpec) -> Lease:
    """The loaded version that ``spec`` names, held in memory until the lease is released."""
    if not spec.name:
        raise InvalidArgumentError("ModelSpec has no name specified.")
    version = spec.version.value if spec.HasField("version") else None
    return catalog.acquire(spec.name, version, spec.version_label or None)


def signature_of(spec: model_pb2.ModelSpec) -> str:
    """The signature that ``spec`` names, the default one if it names none."""
    return spec.signature_name or DEFAULT_SIGNATURE


def answered_spec(lease: Lease, signature_name: str) -> model_pb2.ModelSpec:
    """Which model, version and signature gave an answer."""
    spec = model_pb2.ModelSpec(name=lease.model_name, signature_name=signature_name)
    spec.version.value = lease.version
    return spec
