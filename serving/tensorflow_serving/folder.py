"""The folder with everything that runs a stock server: the one place that says which files there are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from serving.tensorflow_serving import kserve, kubernetes, text_protos
from serving.tensorflow_serving.compose import compose
from serving.tensorflow_serving.dockerfile import dockerfile
from serving.tensorflow_serving.server import (
    BATCHING_CONFIG,
    MODELS_CONFIG,
    MONITORING_CONFIG,
    StockServer,
)

DOCKERFILE = "Dockerfile"
COMPOSE = "compose.yaml"
KUBERNETES = "kubernetes"


def files(server: StockServer, local_folders: dict[str, str], storage_uris: dict[str, str]) -> dict[str, str]:
    """Path below the folder -> content.

    Args:
      server: what is to run.
      local_folders: model name -> its folder of versions on this machine.
      storage_uris: model name -> that folder as KServe reads it.
    """
    if server.settings.kind == "kserve":
        manifests = kserve.manifests(server, storage_uris)
    else:
        manifests = kubernetes.manifests(server)
    manifests = {"kustomization.yaml": _kustomization(list(manifests)), **manifests}
    return {
        MODELS_CONFIG: text_protos.models_config(model.model_config() for model in server.models),
        BATCHING_CONFIG: text_protos.batching_config(server.settings),
        MONITORING_CONFIG: text_protos.monitoring_config(server.settings),
        DOCKERFILE: dockerfile(server),
        COMPOSE: _yaml(compose(server, local_folders)),
        **{f"{KUBERNETES}/{name}": _yaml(manifest) for name, manifest in manifests.items()},
    }


def write(contents: dict[str, str], folder: Path) -> None:
    """Writes the files; others in the folder stay."""
    (folder / KUBERNETES).mkdir(parents=True, exist_ok=True)
    for name, content in contents.items():
        (folder / name).write_text(content, encoding="utf-8")


def _kustomization(names: list[str]) -> dict[str, Any]:
    """What ``kubectl apply -k`` applies: these, whatever else lies in the folder from before."""
    return {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "resources": names,
    }


def _yaml(content: dict[str, Any]) -> str:
    return yaml.dump(content, Dumper=_Dumper, sort_keys=False, allow_unicode=True)


class _Dumper(yaml.SafeDumper):
    """Texts of several lines as blocks, which a person can read, and no aliases."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Dumper.add_representer(str, _text)
