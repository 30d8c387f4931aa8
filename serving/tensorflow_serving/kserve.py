"""KServe's InferenceService, with its TensorFlow Serving runtime: an object a model.

KServe copies the folder of versions into the pod once, when it starts, and runs the server
with its own ports and the flags here after its own. So a push is served by the next pod:
``kubectl rollout restart`` on the predictor's Deployment. Replicas follow the use of CPU, by
a HorizontalPodAutoscaler as in KServe's mode without Knative.
"""

from __future__ import annotations

import dataclasses
from typing import Any

from serving.tensorflow_serving import container, kubernetes, text_protos
from serving.tensorflow_serving.container import Manifest
from serving.tensorflow_serving.images import REPOSITORY
from serving.tensorflow_serving.server import ServedModel, StockServer

_COPIED_TO = "/mnt/models"
_REST_PORT = 8080
"""Of KServe's runtime for TensorFlow Serving; gRPC is on 9000."""
_ANNOTATIONS = {
    "serving.kserve.io/deploymentMode": "Standard",
    "serving.kserve.io/autoscalerClass": "hpa",
}


def manifests(server: StockServer, storage_uris: dict[str, str]) -> dict[str, Manifest]:
    """File name -> the object in it; ``storage_uris`` has each model's folder of versions."""
    found: dict[str, Manifest] = {}
    for model in server.models:
        alone = dataclasses.replace(server, models=(model,))
        entry = text_protos.models_config([model.model_config(_COPIED_TO)])
        found[f"{model.name}-configmap.yaml"] = kubernetes.config_map(alone, entry)
        found[f"{model.name}-inferenceservice.yaml"] = _service(alone, model, storage_uris[model.name])
    return found


def _service(server: StockServer, model: ServedModel, storage_uri: str) -> Manifest:
    settings = server.settings
    volumes, mounts = container.shared_volumes(server)
    predictor: dict[str, Any] = {
        "minReplicas": settings.scaling.min_replicas,
        "maxReplicas": settings.scaling.max_replicas,
        "scaleMetric": "cpu",
        "scaleTarget": settings.scaling.cpu_percent,
        "timeout": settings.rest_timeout_s,
        "volumes": volumes,
        "model": {
            "modelFormat": {"name": "tensorflow", "version": "2"},
            "protocolVersion": "v1",
            "storageUri": storage_uri,
            **_image(server.image),
            "args": server.shared_flags(),
            "resources": container.resources(server),
            "securityContext": container.security_context(server),
            "volumeMounts": mounts,
            **container.probes(server, _REST_PORT),
        },
    }
    if settings.prometheus:
        predictor["annotations"] = {
            "prometheus.io/scrape": "true",
            "prometheus.io/port": str(_REST_PORT),
            "prometheus.io/path": settings.prometheus_path,
        }
    if settings.service_account is not None:
        predictor["serviceAccountName"] = settings.service_account
    return {
        "apiVersion": "serving.kserve.io/v1beta1",
        "kind": "InferenceService",
        "metadata": {**kubernetes.metadata(server, model.name), "annotations": dict(_ANNOTATIONS)},
        "spec": {"predictor": predictor},
    }


def _image(image: str) -> Manifest:
    repository, _, tag = image.partition(":")
    return {"runtimeVersion": tag} if repository == REPOSITORY else {"image": image}
