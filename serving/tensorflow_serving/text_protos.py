"""The files that flags of tensorflow_model_server name, serialised by protobuf from the server's messages."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from google.protobuf import text_format
from tensorflow_serving.config import file_system_storage_path_source_pb2, model_server_config_pb2

from serving.settings.messages import new_message
from serving.settings.models import PLATFORM
from serving.tensorflow_serving.config import ServingConfig
from serving.versions.policies import (
    AllVersions,
    LatestVersions,
    ModelConfig,
    SpecificVersions,
    VersionPolicy,
)

_Policy = file_system_storage_path_source_pb2.FileSystemStoragePathSourceConfig.ServableVersionPolicy


def models_config(models: Iterable[ModelConfig]) -> str:
    """``models.config``: a ModelServerConfig."""
    config = model_server_config_pb2.ModelServerConfig()
    for model in models:
        config.model_config_list.config.add(
            name=model.name,
            base_path=model.base_path,
            model_platform=PLATFORM,
            model_version_policy=_policy(model.policy),
            version_labels=dict(model.labels),
        )
    return text_format.MessageToString(config)


def batching_config(settings: ServingConfig) -> str:
    """``batching.config``: a BatchingParameters."""
    parameters = settings.batching.parameters(settings.resources.num_threads)
    message = new_message("BatchingParameters")
    for name in ("max_batch_size", "batch_timeout_micros", "max_enqueued_batches", "num_batch_threads"):
        getattr(message, name).value = getattr(parameters, name)
    message.allowed_batch_sizes.extend(parameters.allowed_batch_sizes)
    return text_format.MessageToString(message)


def monitoring_config(settings: ServingConfig) -> str:
    """``monitoring.config``: a MonitoringConfig."""
    message = new_message("MonitoringConfig")
    message.prometheus_config.enable = settings.prometheus
    message.prometheus_config.path = settings.prometheus_path
    return text_format.MessageToString(message)


def _policy(policy: VersionPolicy) -> Any:
    """A ServableVersionPolicy."""
    message = _Policy()
    if isinstance(policy, AllVersions):
        message.all.SetInParent()
    elif isinstance(policy, SpecificVersions):
        message.specific.versions.extend(policy.versions)
    elif isinstance(policy, LatestVersions):
        message.latest.num_versions = policy.count
    return message
