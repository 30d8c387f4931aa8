"""models.config: TensorFlow Serving's ModelServerConfig to the models of a server."""

from __future__ import annotations

import posixpath

from tensorflow_serving.config import file_system_storage_path_source_pb2, model_server_config_pb2

from serving.errors import InvalidArgumentError
from serving.versions.policies import (
    AllVersions,
    LatestVersions,
    ModelConfig,
    SpecificVersions,
    VersionPolicy,
)

PLATFORM = "tensorflow"


def configs_from_proto(config: model_server_config_pb2.ModelServerConfig) -> list[ModelConfig]:
    """Each model of the list; InvalidArgumentError for what the server cannot serve."""
    if config.WhichOneof("config") == "custom_model_config":
        raise InvalidArgumentError("custom_model_config is not supported: use model_config_list")
    return [_config(model) for model in config.model_config_list.config]


def _config(model: model_server_config_pb2.ModelConfig) -> ModelConfig:
    _check_platform(model)
    if not model.name:
        raise InvalidArgumentError(f"a model with base_path {model.base_path} has no name")
    if "://" not in model.base_path and not posixpath.isabs(model.base_path):
        raise InvalidArgumentError(
            f"Expected model {model.name} to have an absolute path or URI; got base_path()={model.base_path}"
        )
    policy = _policy(model.model_version_policy)
    return ModelConfig(model.name, model.base_path, policy, dict(model.version_labels))


def _check_platform(model: model_server_config_pb2.ModelConfig) -> None:
    if model.model_type and model.model_platform:
        raise InvalidArgumentError(
            "Illegal setting both ModelServerConfig::model_type (deprecated) "
            f"and ModelServerConfig::model_platform, model name is {model.name}"
        )
    if not model.model_type and not model.model_platform:
        raise InvalidArgumentError(
            "Illegal setting neither ModelServerConfig::model_type (deprecated) "
            f"nor ModelServerConfig::model_platform, model name is {model.name}"
        )
    if model.model_type not in (0, model_server_config_pb2.TENSORFLOW):
        raise InvalidArgumentError(f"ModelServerConfig::model_type choice {model.model_type} not supported.")
    if model.model_platform and model.model_platform != PLATFORM:
        raise InvalidArgumentError(f"Model {model.name} requests unsupported platform {model.model_platform}")


def _policy(
    policy: file_system_storage_path_source_pb2.FileSystemStoragePathSourceConfig.ServableVersionPolicy,
) -> VersionPolicy:
    choice = policy.WhichOneof("policy_choice")
    if choice == "all":
        return AllVersions()
    if choice == "specific":
        return SpecificVersions(tuple(policy.specific.versions))
    return LatestVersions(max(1, policy.latest.num_versions))
