"""What a container of the server gets on Kubernetes, in any object: resources, rights, files, probes."""

from __future__ import annotations

from typing import Any

from serving.tensorflow_serving.server import CONFIG_DIR, StockServer

Manifest = dict[str, Any]

_CONFIG_VOLUME = "config"
_SCRATCH_VOLUME = "tmp"


def security_context(server: StockServer) -> Manifest:
    """Of a container that needs no rights."""
    return {
        "runAsNonRoot": True,
        "runAsUser": server.settings.user_id,
        "runAsGroup": server.settings.user_id,
        "readOnlyRootFilesystem": True,
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "seccompProfile": {"type": "RuntimeDefault"},
    }


def resources(server: StockServer) -> Manifest:
    """Requests and limits of a container."""
    given = server.settings.resources
    memory = f"{round(given.memory_gb * 1000)}M"
    limits = {"memory": memory}
    if given.cpu_limit is not None:
        limits["cpu"] = _cores(given.cpu_limit)
    return {"requests": {"cpu": _cores(given.cpu), "memory": memory}, "limits": limits}


def shared_volumes(server: StockServer) -> tuple[list[Manifest], list[Manifest]]:
    """The pod's volumes and the container's mounts for the files and for scratch space."""
    volumes: list[Manifest] = [
        {"name": _CONFIG_VOLUME, "configMap": {"name": f"{server.name}-config"}},
        {"name": _SCRATCH_VOLUME, "emptyDir": {"sizeLimit": "100Mi"}},
    ]
    mounts: list[Manifest] = [
        {"name": _CONFIG_VOLUME, "mountPath": CONFIG_DIR, "readOnly": True},
        {"name": _SCRATCH_VOLUME, "mountPath": "/tmp"},
    ]
    return volumes, mounts


def probes(server: StockServer, port: str | int) -> Manifest:
    """Startup, readiness and liveness of a container whose REST port is ``port``."""
    status = {"httpGet": {"path": f"/v1/models/{server.name}", "port": port}, "timeoutSeconds": 5}
    period_s = 5
    return {
        "startupProbe": {
            **status,
            "periodSeconds": period_s,
            "failureThreshold": -(-server.settings.start_timeout_s // period_s),
        },
        "readinessProbe": {**status, "periodSeconds": 10, "failureThreshold": 2},
        # Whether the process still takes connections, however busy it is.
        "livenessProbe": {"tcpSocket": {"port": port}, "periodSeconds": 20, "failureThreshold": 3},
    }


def _cores(count: float) -> str:
    return f"{round(count * 1000)}m"
