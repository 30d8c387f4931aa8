"""``lexmill compile``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pipeline.config import load
from pipeline.errors import ConfigError, MissingInputError
from pipeline.kubeflow.target import Target
from serving.silence import libraries_silenced


def compile_pipeline(config_name: str, overrides: Sequence[str], output: str, target: Target) -> None:
    """Writes the specification of a configuration for ``target`` to ``output``."""
    config = load(config_name, overrides)
    if not output.endswith((".yaml", ".yml")):
        raise ConfigError(f"{output}: the specification is YAML: name the file .yaml")
    if not Path(output).absolute().parent.is_dir():
        raise MissingInputError(f"{output}: its folder is not there: make it, or write elsewhere")
    with libraries_silenced():
        from pipeline.kubeflow import compile as compiler

        compiler.compile_to(config, output, target)
