"""A stock server to be run: what it serves and how, and the flags that every way of running it shares."""

from __future__ import annotations

import dataclasses

from serving.errors import StartError
from serving.tensorflow_serving.config import ServingConfig
from serving.tensorflow_serving.storage import LocalFolder, Storage, VolumeClaim
from serving.versions.policies import (
    AllVersions,
    LatestVersions,
    ModelConfig,
    SpecificVersions,
    VersionPolicy,
)

BINARY = "/usr/bin/tensorflow_model_server"
"""In the stock image. Started itself and not by the image's shell script, which passes no signal on."""
CONFIG_DIR = "/etc/tensorflow-serving"
"""Where containers see the files of `text_protos`."""
MODELS_DIR = "/models"
MODELS_CONFIG = "models.config"
BATCHING_CONFIG = "batching.config"
MONITORING_CONFIG = "monitoring.config"


@dataclasses.dataclass(frozen=True)
class ServedModel:
    """One model of a server."""

    name: str
    storage: Storage
    policy: VersionPolicy
    labels: dict[str, int]

    @property
    def base_path(self) -> str:
        """The folder of versions, as the server sees it."""
        if isinstance(self.storage, (LocalFolder, VolumeClaim)):
            return f"{MODELS_DIR}/{self.name}"
        return self.storage.uri

    def model_config(self, base_path: str | None = None) -> ModelConfig:
        """As an entry of models.config."""
        return ModelConfig(self.name, base_path or self.base_path, self.policy, self.labels)


@dataclasses.dataclass(frozen=True)
class StockServer:
    """A server of one model or several; the first gives its name."""

    models: tuple[ServedModel, ...]
    image: str
    """With tensorflow_model_server in it."""
    built_image: str
    """What the Dockerfile's image is called."""
    settings: ServingConfig

    def __post_init__(self) -> None:
        wrong = [model.name for model in self.models if model.name.endswith("-")]
        if wrong:
            raise StartError(
                f"{wrong[0]!r} ends with '-', which no name on Kubernetes may: rename the pipeline"
            )

    @property
    def name(self) -> str:
        """Of containers and Kubernetes objects."""
        return self.models[0].name

    @property
    def local_models(self) -> dict[str, str]:
        """Model name -> folder, of those that the Dockerfile puts into the image."""
        return {
            model.name: model.storage.path for model in self.models if isinstance(model.storage, LocalFolder)
        }

    def flags(self) -> list[str]:
        """Of tensorflow_model_server, in a container."""
        return [
            f"--port={self.settings.port}",
            f"--rest_api_port={self.settings.rest_api_port}",
            *self.shared_flags(),
        ]

    def shared_flags(self) -> list[str]:
        """All but the ports."""
        settings = self.settings
        flags = [
            f"--model_config_file={CONFIG_DIR}/{MODELS_CONFIG}",
            f"--model_config_file_poll_wait_seconds={settings.models_poll_s}",
            "--allow_version_labels_for_unavailable_models=true",
            f"--file_system_poll_wait_seconds={settings.poll_s}",
            f"--rest_api_timeout_in_ms={1000 * settings.rest_timeout_s}",
            f"--tensorflow_session_parallelism={settings.resources.num_threads}",
        ]
        return flags + tuning_flags(settings, CONFIG_DIR)


def tuning_flags(settings: ServingConfig, config_dir: str) -> list[str]:
    """Batching and monitoring, whose files are in ``config_dir``."""
    flags = [f"--monitoring_config_file={config_dir}/{MONITORING_CONFIG}"]
    if settings.batching.enabled:
        flags += ["--enable_batching=true", f"--batching_parameters_file={config_dir}/{BATCHING_CONFIG}"]
    return flags


def version_policy(settings: ServingConfig) -> VersionPolicy:
    """Which versions ``settings`` asks for."""
    if settings.version_policy == "all":
        return AllVersions()
    if settings.version_policy == "specific":
        return SpecificVersions(settings.versions)
    return LatestVersions(settings.num_versions)
