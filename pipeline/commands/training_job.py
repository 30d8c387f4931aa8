"""``lexmill training-job``: the TFJob of a configuration's training."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import yaml

from components.training_job import manifest
from pipeline.config import load
from pipeline.errors import ConfigError, MissingInputError


def write_training_job(config_name: str, overrides: Sequence[str], output: str, request: str | None) -> None:
    """Writes the manifest that the Trainer stage would create, of the configuration alone."""
    config = load(config_name, overrides)
    job = config.training_job
    if not job.workers:
        raise ConfigError(
            f"{config_name}: training_job.workers = 0: the Trainer trains in its own container; give more"
        )
    if not output.endswith((".yaml", ".yml")):
        raise ConfigError(f"{output}: the manifest is YAML: name the file .yaml")
    if not Path(output).absolute().parent.is_dir():
        raise MissingInputError(f"{output}: its folder is not there: make it, or write elsewhere")
    uri = request or f"{config.kubeflow.pipeline_root}/{config.name}/training_request.json"
    built = manifest.build(
        job, config.name[:50].rstrip("-"), config.name, job.image or config.kubeflow.image, uri
    )
    Path(output).write_text(yaml.safe_dump(built.as_dict(), sort_keys=False), encoding="utf-8")
