"""lexmill serving-config: everything that runs the stock TensorFlow Serving with the pushed models."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path

from pipeline.config import PipelineConfig, load
from pipeline.errors import ConfigError, MissingInputError
from serving.tensorflow_serving import folder, images
from serving.tensorflow_serving.dockerfile import build_command
from serving.tensorflow_serving.server import ServedModel, StockServer, version_policy
from serving.tensorflow_serving.storage import LocalFolder, storage_of


def write_serving_config(config_names: Sequence[str], overrides: Sequence[str], output: str) -> list[str]:
    """Writes the folder for one server of the models of these configurations, of which the first says how it
    runs; returns the lines that tell what was written and what to do next."""
    configs = [load(name, overrides) for name in config_names]
    names = [config.name for config in configs]
    if len(set(names)) < len(names):
        raise ConfigError(f"the configurations name {', '.join(names)}: a server's models need a name each")
    target = Path(output)
    if target.exists() and not target.is_dir():
        raise MissingInputError(f"{output}: is a file: name a folder to write to")
    server = stock_server(configs)
    contents = folder.files(
        server,
        {config.name: config.absolute_model_base_path for config in configs},
        {config.name: config.serving.storage_uri or config.absolute_model_base_path for config in configs},
    )
    folder.write(contents, target)
    return [
        f"wrote {', '.join(contents)} to {output}",
        *_not_pushed(configs, config_names),
        *_next(server, output),
    ]


def stock_server(configs: Sequence[PipelineConfig]) -> StockServer:
    """One server of the configurations' models, as the first one's ``[serving]`` says."""
    first, settings = configs[0], configs[0].serving
    exporters = [images.exporter_version(config.absolute_model_base_path) for config in configs]
    tag = images.newest_version(first.absolute_model_base_path) or "latest"
    return StockServer(
        models=tuple(_model(config, settings.kind == "kserve") for config in configs),
        image=images.suitable_image(settings.image, max(exporters, key=images.minor_version)),
        built_image=settings.built_image or f"lexmill-{first.name}:{tag}",
        settings=settings,
    )


def _model(config: PipelineConfig, is_copied: bool) -> ServedModel:
    # KServe copies the versions itself: what else is written there serves the folder of this machine.
    uri = None if is_copied else config.serving.storage_uri
    storage = storage_of(uri, config.absolute_model_base_path)
    return ServedModel(config.name, storage, version_policy(config.serving), config.serving.labels)


def _not_pushed(configs: Sequence[PipelineConfig], config_names: Sequence[str]) -> list[str]:
    return [
        f"no version of {config.name} is pushed yet: run 'lexmill run {name}' first"
        for config, name in zip(configs, config_names, strict=True)
        if isinstance(storage_of(None, config.absolute_model_base_path), LocalFolder)
        and images.newest_version(config.absolute_model_base_path) is None
    ]


def _next(server: StockServer, output: str) -> list[str]:
    manifests = shlex.join(["kubectl", "apply", "-k", f"{output}/{folder.KUBERNETES}"])
    lines = [
        f"on this machine ({server.image}):",
        f"  {shlex.join(['docker', 'compose', '-f', f'{output}/{folder.COMPOSE}', 'up', '--wait'])}",
        "on Kubernetes:",
    ]
    if server.local_models and server.settings.kind == "deployment":
        build, push = build_command(server, output), shlex.join(["docker", "push", server.built_image])
        lines += [f"  {build}", f"  {push}    # serving.built_image names your registry"]
    return [*lines, f"  {manifests}"]
