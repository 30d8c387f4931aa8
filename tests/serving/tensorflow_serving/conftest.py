"""Stock servers to render, and the schemas that what is rendered is checked against."""

from __future__ import annotations

import functools
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import kubernetes_validate
import pytest
from check_jsonschema.builtin_schemas import get_builtin_schema
from jsonschema import Draft202012Validator
from kubernetes_validate.utils import schema_contents

from serving.tensorflow_serving.config import ServingConfig
from serving.tensorflow_serving.server import ServedModel, StockServer, version_policy
from serving.tensorflow_serving.storage import storage_of

KUBERNETES_VERSIONS = ("1.30", "1.37")
"""Oldest and newest that the manifests are for."""
_SCHEMAS = "kubernetes-json-schema/v1.37.0-local-strict"
_CORE = "io.k8s.api.core.v1"

_INTEGERS = (
    "minReplicas",
    "maxReplicas",
    "scaleTarget",
    "containerConcurrency",
    "timeout",
    "canaryTrafficPercent",
)


def _check_compose(content: dict[str, Any]) -> None:
    """Against the Compose Specification's own schema, as check-jsonschema carries it."""
    Draft202012Validator(get_builtin_schema("vendor.compose-spec")).validate(content)


def _check_kubernetes(content: dict[str, Any]) -> None:
    """Against Kubernetes' schemas, in which an unknown field is an error."""
    for version in KUBERNETES_VERSIONS:
        kubernetes_validate.validate(content, version, strict=True)


def _check_kserve(content: dict[str, Any]) -> None:
    """Against `_inference_service`."""
    Draft202012Validator(_inference_service()).validate(content)


def _lint_dockerfile(path: Path) -> list[str]:
    """hadolint's complaints. DL3022 is about ``COPY --from`` a name that the file does not declare, which a
    build context of its own is."""
    hadolint = Path(sys.executable).with_name("hadolint")
    done = subprocess.run(
        [hadolint, "--no-color", "--ignore", "DL3022", path],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert bool(done.returncode) == bool(done.stdout + done.stderr)
    return (done.stdout + done.stderr).splitlines()


@functools.cache
def _inference_service() -> dict[str, Any]:
    """KServe's own fields as its Go types declare them (pkg/apis/serving/v1beta1: ComponentExtensionSpec,
    PredictorExtensionSpec, ModelSpec), around Kubernetes' strict PodSpec and Container, which those embed.
    KServe's package on PyPI holds no schema, and its models take unknown fields."""
    definitions = schema_contents(f"{_SCHEMAS}/_definitions.json", "1.37")["$defs"]
    pod, container = (definitions[f"{_CORE}.{name}"]["properties"] for name in ("PodSpec", "Container"))
    text, texts = {"type": "string"}, {"type": "object", "additionalProperties": {"type": "string"}}
    model_format = _object({"name": text, "version": text}, ["name"])
    model = {
        **container,
        "modelFormat": model_format,
        "runtime": text,
        "storageUri": text,
        "runtimeVersion": text,
        "protocolVersion": {"enum": ["v1", "v2", "grpc-v1", "grpc-v2"]},
    }
    predictor = {
        **pod,
        **{name: {"type": "integer"} for name in _INTEGERS},
        "scaleMetric": {"enum": ["cpu", "memory", "concurrency", "rps"]},
        "labels": texts,
        "annotations": texts,
        "model": _object(model, ["modelFormat"]),
    }
    fields = {
        "apiVersion": {"const": "serving.kserve.io/v1beta1"},
        "kind": {"const": "InferenceService"},
        "metadata": {"$ref": "#/$defs/io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"},
        "spec": _object({"predictor": _object(predictor, ["model"])}, ["predictor"]),
    }
    return {"$defs": definitions, **_object(fields, list(fields))}


def _object(properties: dict[str, Any], required: list[str]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": False,
    }


def _server(*names: str, folder: str = "/srv", image: str = "tensorflow/serving:2.19.1", **settings):
    config = ServingConfig(**settings)
    uri = None if config.kind == "kserve" else config.storage_uri
    models = tuple(
        ServedModel(name, storage_of(uri, f"{folder}/{name}"), version_policy(config), config.labels)
        for name in names or ("poet",)
    )
    return StockServer(models, image, config.built_image or "lexmill-poet:3", config)


@pytest.fixture
def server() -> Callable[..., StockServer]:
    """A server of models with these names below ``folder``; further arguments are ``[serving]``'s fields."""
    return _server


@pytest.fixture
def check() -> SimpleNamespace:
    """What fails for a file that its reader would refuse."""
    return SimpleNamespace(
        compose=_check_compose,
        kubernetes=_check_kubernetes,
        kserve=_check_kserve,
        complaints=_lint_dockerfile,
    )
