"""Docker Compose: the stock image on one machine, with the models' folders mounted, so a push is a swap."""

from __future__ import annotations

import math
from typing import Any

from serving.tensorflow_serving.server import (
    BATCHING_CONFIG,
    BINARY,
    CONFIG_DIR,
    MODELS_CONFIG,
    MODELS_DIR,
    MONITORING_CONFIG,
    StockServer,
)
from serving.tensorflow_serving.storage import Bucket, LocalFolder

LOOPBACK = "127.0.0.1"


def compose(server: StockServer, local_folders: dict[str, str]) -> dict[str, Any]:
    """The file's content: paths within it that are relative start at the file.

    Args:
      server: what is to run.
      local_folders: model name -> its folder of versions on this machine, for those that a cluster
        takes from a volume.
    """
    settings = server.settings
    return {
        "name": f"lexmill-{server.name}",
        "services": {
            server.name: {
                "image": server.image,
                "entrypoint": [BINARY],
                "command": server.flags(),
                # This machine only, as the server has no authentication.
                "ports": [f"{LOOPBACK}:{port}:{port}" for port in (settings.port, settings.rest_api_port)],
                "volumes": _mounts(server, local_folders),
                "healthcheck": _healthcheck(server),
                "restart": "unless-stopped",
                "init": True,
                **_hardened(settings.user_id),
                "deploy": {"resources": _resources(server)},
            }
        },
    }


def _mounts(server: StockServer, local_folders: dict[str, str]) -> list[dict[str, Any]]:
    files = (MODELS_CONFIG, BATCHING_CONFIG, MONITORING_CONFIG)
    mounts = {f"./{name}": f"{CONFIG_DIR}/{name}" for name in files}
    for model in server.models:
        if isinstance(model.storage, Bucket):
            continue
        path = model.storage.path if isinstance(model.storage, LocalFolder) else local_folders[model.name]
        mounts[path] = f"{MODELS_DIR}/{model.name}"
    return [
        {"type": "bind", "source": source, "target": target, "read_only": True}
        for source, target in mounts.items()
    ]


def _healthcheck(server: StockServer) -> dict[str, Any]:
    # The image has no curl; its bash opens the port, which is there once every model is loaded.
    port = f"exec 3<>/dev/tcp/{LOOPBACK}/{server.settings.rest_api_port}"
    return {
        "test": ["CMD", "bash", "-c", port],
        "interval": "10s",
        "timeout": "5s",
        "retries": 3,
        "start_period": f"{server.settings.start_timeout_s}s",
    }


def _hardened(user_id: int) -> dict[str, Any]:
    return {
        "user": f"{user_id}:{user_id}",
        "read_only": True,
        "tmpfs": ["/tmp"],
        "cap_drop": ["ALL"],
        "security_opt": ["no-new-privileges:true"],
    }


def _resources(server: StockServer) -> dict[str, Any]:
    resources = server.settings.resources
    limits: dict[str, Any] = {"memory": f"{math.ceil(resources.memory_gb * 1000)}M"}
    if resources.cpu_limit is not None:
        limits["cpus"] = str(resources.cpu_limit)
    return {"limits": limits}
