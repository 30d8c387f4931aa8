"""Kubernetes' objects: ConfigMap, Deployment, Service and HorizontalPodAutoscaler of one stock server.

A pod is ready when its REST port answers, which a server opens once every model's first load
has ended; until then the startup probe waits, for at most ``start_timeout_s``. The pod runs
as nobody's root, on a file system that it cannot write. A change of ``models.config`` is read
by the running server; a change of another file starts the pods anew, by a hash in the
Deployment.
"""

from __future__ import annotations

import hashlib

from serving.tensorflow_serving import text_protos
from serving.tensorflow_serving.container import (
    Manifest,
    probes,
    resources,
    security_context,
    shared_volumes,
)
from serving.tensorflow_serving.server import (
    BATCHING_CONFIG,
    BINARY,
    MODELS_CONFIG,
    MODELS_DIR,
    MONITORING_CONFIG,
    StockServer,
)
from serving.tensorflow_serving.storage import VolumeClaim

_DRAIN_S = 5
"""Between the end of a pod's traffic and its signal: endpoints need a moment to be forgotten."""


def manifests(server: StockServer) -> dict[str, Manifest]:
    """File name -> the object in it."""
    return {
        "configmap.yaml": config_map(
            server, text_protos.models_config(m.model_config() for m in server.models)
        ),
        "deployment.yaml": _deployment(server),
        "service.yaml": _service(server),
        "autoscaler.yaml": _autoscaler(server),
    }


def config_map(server: StockServer, models_config: str) -> Manifest:
    """The server's files."""
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": metadata(server, f"{server.name}-config"),
        "data": {
            MODELS_CONFIG: models_config,
            BATCHING_CONFIG: text_protos.batching_config(server.settings),
            MONITORING_CONFIG: text_protos.monitoring_config(server.settings),
        },
    }


def metadata(server: StockServer, name: str) -> Manifest:
    """An object's name, labels and namespace."""
    found: Manifest = {"name": name, "labels": _labels(server)}
    if server.settings.namespace is not None:
        found["namespace"] = server.settings.namespace
    return found


def _labels(server: StockServer) -> dict[str, str]:
    return {"app.kubernetes.io/name": server.name, "app.kubernetes.io/component": "tensorflow-serving"}


def _deployment(server: StockServer) -> Manifest:
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": metadata(server, server.name),
        # No replicas: their number is the autoscaler's.
        "spec": {
            "selector": {"matchLabels": _labels(server)},
            "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}},
            "template": {
                "metadata": {"labels": _labels(server), "annotations": _annotations(server)},
                "spec": _pod(server),
            },
        },
    }


def _annotations(server: StockServer) -> dict[str, str]:
    settings = server.settings
    files = text_protos.batching_config(settings) + text_protos.monitoring_config(settings)
    found = {"lexmill/config-sha256": hashlib.sha256(files.encode()).hexdigest()}
    if settings.prometheus:
        found |= {
            "prometheus.io/scrape": "true",
            "prometheus.io/port": str(settings.rest_api_port),
            "prometheus.io/path": settings.prometheus_path,
        }
    return found


def _pod(server: StockServer) -> Manifest:
    volumes, mounts = shared_volumes(server)
    claims = {model.name: model.storage for model in server.models if isinstance(model.storage, VolumeClaim)}
    for name in dict.fromkeys(claim.name for claim in claims.values()):
        volumes.append(
            {"name": _volume(name), "persistentVolumeClaim": {"claimName": name, "readOnly": True}}
        )
    for model_name, claim in claims.items():
        mount = {"name": _volume(claim.name), "mountPath": f"{MODELS_DIR}/{model_name}", "readOnly": True}
        mounts.append({**mount, "subPath": claim.sub_path} if claim.sub_path else mount)
    pod: Manifest = {
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "securityContext": {"fsGroup": server.settings.user_id},
        "terminationGracePeriodSeconds": _DRAIN_S + server.settings.rest_timeout_s,
        "containers": [{**_container(server), "volumeMounts": mounts}],
        "volumes": volumes,
    }
    if server.settings.service_account is not None:
        pod["serviceAccountName"] = server.settings.service_account
    return pod


def _volume(claim: str) -> str:
    # Names of volumes may not have the dots that names of claims may.
    return f"models-{claim.replace('.', '-')}"[:63].rstrip("-")


def _container(server: StockServer) -> Manifest:
    settings = server.settings
    return {
        "name": "tensorflow-serving",
        "image": server.built_image if server.local_models else server.image,
        "command": [BINARY],
        "args": server.flags(),
        "ports": [
            {"name": "grpc", "containerPort": settings.port},
            {"name": "http", "containerPort": settings.rest_api_port},
        ],
        "resources": resources(server),
        "securityContext": security_context(server),
        **probes(server, "http"),
        "lifecycle": {"preStop": {"exec": {"command": ["sleep", str(_DRAIN_S)]}}},
    }


def _service(server: StockServer) -> Manifest:
    settings = server.settings
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": metadata(server, server.name),
        "spec": {
            "selector": _labels(server),
            "ports": [
                {
                    "name": "grpc",
                    "port": settings.port,
                    "targetPort": "grpc",
                    "appProtocol": "kubernetes.io/h2c",
                },
                {"name": "http", "port": settings.rest_api_port, "targetPort": "http", "appProtocol": "http"},
            ],
        },
    }


def _autoscaler(server: StockServer) -> Manifest:
    scaling = server.settings.scaling
    target = {"type": "Utilization", "averageUtilization": scaling.cpu_percent}
    return {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": metadata(server, server.name),
        "spec": {
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": server.name},
            "minReplicas": scaling.min_replicas,
            "maxReplicas": scaling.max_replicas,
            "metrics": [{"type": "Resource", "resource": {"name": "cpu", "target": target}}],
        },
    }
