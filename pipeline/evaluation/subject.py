"""Which model is meant, what it is compared with, and which rows both are measured on.

A model is named by its configuration (the version pushed last), as ``NAME@VERSION``, by the id of a run, or
by a folder. The previous model is what a server answered with before: the version pushed before this one,
or what the run's BaselineFinder had found. The rows are those of the run that made the model where it is
known, or else of the latest run that packed with the same tokenizer to the same length."""

from __future__ import annotations

import dataclasses
import hashlib
import re
import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path

from tfx.utils import path_utils

from components import model_store
from models import manifest
from models.errors import ModelError
from models.manifest import Manifest
from pipeline import history
from pipeline.config import PipelineConfig, load, sample_names
from pipeline.data import outputs
from pipeline.data.outputs import DataOutputs
from pipeline.errors import MissingInputError

_RUN_ID = re.compile(r"\d{8}-\d{6}-\d{3}")
_VERSION = re.compile(r"(.+)@(\d+)")
_DEFAULT = "shakespeare"
"""Whose run is meant where nobody says, as in all commands."""
_MODEL = ("Trainer", "model")
_BASELINE = ("BaselineFinder", "baseline")


@dataclasses.dataclass(frozen=True)
class Model:
    """A SavedModel of Lexmill's."""

    label: str
    """As people call it: ``shakespeare@2``, or a run's id."""
    path: str
    manifest: Manifest


@dataclasses.dataclass(frozen=True)
class Subject:
    """What is to be evaluated."""

    config: PipelineConfig
    model: Model
    previous: Model | None
    run_id: str | None
    """Of the run that made it, where that was asked for."""

    def data(self) -> DataOutputs | None:
        """The outputs of a run whose rows the model reads; None where there is none."""
        found = [run for run in _runs_with_rows(self.config) if _reads(self.model.manifest, run[1])]
        for run, data in found:
            if run.run_id == self.run_id or (
                run.pushed_path and _same_folder(run.pushed_path, self.model.path)
            ):
                return data
        return found[0][1] if found else None


def resolve(name: str, config_name: str | None, overrides: Sequence[str]) -> Subject:
    """Finds the model.

    Args:
      name: see the module.
      config_name: whose model or run it is, where ``name`` does not say.

    Raises:
      MissingInputError: there is no such model.
    """
    version = _VERSION.fullmatch(name)
    if Path(name).is_dir():
        return _of_folder(Path(name), config_name, overrides)
    if _RUN_ID.fullmatch(name):
        return _of_run(name, load(config_name or _DEFAULT, overrides))
    config = load(config_name or (version[1] if version else name), overrides)
    there = model_store.versions(config.model_base_path)
    if not there:
        command = shlex.join(["lexmill", "run", version[1] if version else name])
        raise MissingInputError(
            f"{config.model_base_path}: no pushed model of {config.name!r} is here: run '{command}' first, "
            "or name a run, as 'lexmill runs' lists it"
        )
    wanted = int(version[2]) if version else there[0]
    if wanted not in there:
        versions = ", ".join(map(str, there))
        raise MissingInputError(f"{name}: no such version: there are {versions} in {config.model_base_path}")
    return _of_version(config, config.model_base_path, wanted)


def _of_version(config: PipelineConfig, base_path: str, version: int) -> Subject:
    path = model_store.path(base_path, version)
    model = Model(f"{Path(base_path).name}@{version}", path, _manifest(path))
    return Subject(config, model, _before(base_path, version, model.manifest), None)


def _before(base_path: str, version: int, content: Manifest) -> Model | None:
    """The newest older version that is another model."""
    for number, other in model_store.manifests(base_path):
        if number < version and not other.same_model(content):
            return Model(f"{Path(base_path).name}@{number}", model_store.path(base_path, number), other)
    return None


def _of_run(run_id: str, config: PipelineConfig) -> Subject:
    history.choose(config, run_id, shlex.join(["lexmill", "run", config.name]))
    uris = history.output_uris(config, run_id)
    if _MODEL not in uris:
        raise MissingInputError(f"run {run_id}: its stage Trainer has not ended: there is no model")
    path = path_utils.serving_model_path(uris[_MODEL])
    previous = None
    if _BASELINE in uris and Path(path_utils.serving_model_dir(uris[_BASELINE])).is_dir():
        served = path_utils.serving_model_dir(uris[_BASELINE])
        previous = Model("what was served then", served, _manifest(served))
    return Subject(config, Model(f"run {run_id}", path, _manifest(path)), previous, run_id)


def _of_folder(folder: Path, config_name: str | None, overrides: Sequence[str]) -> Subject:
    """A version's folder, or one of versions, whose newest is meant."""
    there = model_store.versions(str(folder))
    if there and not (folder / manifest.PATH).exists():
        folder = folder / str(there[0])
    content = _manifest(str(folder))
    parent = folder.absolute().parent
    if config_name is None and parent.name not in sample_names():
        raise MissingInputError(
            f"{folder}: whose rows and bounds are meant: name the configuration with --config"
        )
    config = load(config_name or parent.name, overrides)
    if folder.name.isdecimal():
        return _of_version(config, str(parent), int(folder.name))
    return Subject(config, Model(str(folder), str(folder), content), None, None)


def _manifest(path: str) -> Manifest:
    try:
        return manifest.read(path)
    except ModelError as error:
        raise MissingInputError(str(error)) from error


def _runs_with_rows(config: PipelineConfig) -> Iterator[tuple[history.Run, DataOutputs]]:
    """The newest first."""
    for run in history.runs(config):
        found = DataOutputs(run.run_id, history.output_uris(config, run.run_id))
        if found.has(outputs.ROWS) and found.has(outputs.TOKENIZER):
            yield run, found


def _reads(content: Manifest, data: DataOutputs) -> bool:
    """Whether the model reads these rows: packed with its tokenizer, to its length."""
    if data.packing.packing.sequence_length != content.context_length:
        return False
    return hashlib.sha256(data.tokenizer_content).hexdigest() == content.tokenizer_sha256


def _same_folder(one: str, other: str) -> bool:
    return Path(one).resolve() == Path(other).resolve()
