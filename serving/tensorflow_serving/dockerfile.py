"""The Dockerfile: the stock image with the server's files, and the models that lie on this machine.

Their folders are build contexts of their own (BuildKit, Docker's builder since version 23),
one a model and named like it, so that they may be anywhere::

    docker build --build-context shakespeare=serving_models/shakespeare -t lexmill-shakespeare serving
"""

from __future__ import annotations

import json
import shlex

from serving.tensorflow_serving.server import (
    BATCHING_CONFIG,
    BINARY,
    CONFIG_DIR,
    MODELS_CONFIG,
    MODELS_DIR,
    MONITORING_CONFIG,
    StockServer,
)


def dockerfile(server: StockServer) -> str:
    """Its text."""
    settings = server.settings
    owner = f"{settings.user_id}:{settings.user_id}"
    lines = [
        "# syntax=docker/dockerfile:1",
        f"FROM {server.image}",
        f"COPY {MODELS_CONFIG} {BATCHING_CONFIG} {MONITORING_CONFIG} {CONFIG_DIR}/",
        *(f"COPY --from={name} --chown={owner} . {MODELS_DIR}/{name}/" for name in server.local_models),
        f"USER {owner}",
        f"EXPOSE {settings.port} {settings.rest_api_port}",
        f"ENTRYPOINT {json.dumps([BINARY])}",
        f"CMD {json.dumps(server.flags())}",
    ]
    return "\n".join(lines) + "\n"


def build_command(server: StockServer, folder: str) -> str:
    """What builds the image from ``folder``, to be typed into a shell."""
    contexts = [f"--build-context={name}={path}" for name, path in server.local_models.items()]
    return shlex.join(["docker", "build", *contexts, "-t", server.built_image, folder])
