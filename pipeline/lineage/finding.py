"""Which pushed model is meant, and whose records have it.

A pushed folder carries a UUID (`components.model_store.MLMD_UUID`), which the record of the push has too: so
a folder that was copied or moved is found again. A model that an earlier version of Lexmill pushed has
none, and is found by the folder that it was pushed to.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator
from pathlib import Path

from tfx.dsl.io import fileio

from components import model_store
from components.pusher.component import MLMD_UUID
from models import manifest
from models.errors import ModelError
from pipeline import config as configuration
from pipeline.config import PipelineConfig
from pipeline.errors import MissingInputError
from pipeline.metadata import connection
from pipeline.metadata.store import Artifact, Store

_NAME_AT_VERSION = re.compile(r"(.+)@(\d+)")
_IS_FOLDER = ("saved_model.pb", model_store.MLMD_UUID)


@dataclasses.dataclass(frozen=True)
class PushedModel:
    """One version, and the record of its push."""

    config: PipelineConfig
    """Of the pipeline that pushed it."""
    store: Store
    artifact: Artifact
    folder: str
    """Where it was looked at; it was pushed to the artifact's ``pushed_destination``."""
    uuid: str | None

    @property
    def pushed_to(self) -> str:
        return _absolute(str(self.artifact.properties["pushed_destination"]))

    @property
    def version(self) -> int:
        return int(self.artifact.properties["pushed_version"])


def find(model: str, config_name: str | None, overrides: list[str]) -> PushedModel:
    """The model that the command line names.

    Args:
      model: a configuration's name or file, for the version pushed last; with ``@VERSION`` for another;
        or the folder of a pushed version, wherever it is now.
      config_name: for a folder, the configuration of the pipeline that pushed it; left out, every pipeline
        in the output folder is asked.

    Raises:
      MissingInputError: there is no such model, or nobody has records of it.
    """
    if any(fileio.exists(f"{model}/{name}") for name in _IS_FOLDER):
        return _of_folder(model.rstrip("/"), config_name, overrides)
    match = _NAME_AT_VERSION.fullmatch(model)
    name, version = (match[1], int(match[2])) if match else (model, None)
    config = configuration.load(name, overrides)
    there = model_store.versions(config.model_base_path)
    if not there:
        raise MissingInputError(
            f"no pushed model of {config.name!r} is here: run 'lexmill run {name}' first, or give the folder "
            "of a pushed version"
        )
    if version is not None and version not in there:
        known = ", ".join(str(each) for each in there)
        raise MissingInputError(f"{model}: no such version in {config.model_base_path}: there are {known}")
    folder = model_store.path(config.model_base_path, version or there[0])
    found = _recorded(config, folder)
    if found is None:
        raise MissingInputError(_gone(folder, f"in {config.root}/{connection.FILE}"))
    return found


def _of_folder(folder: str, config_name: str | None, overrides: list[str]) -> PushedModel:
    asked = []
    for config in _candidates(config_name, overrides):
        asked.append(config.root)
        found = _recorded(config, folder)
        if found is not None:
            return found
    where = f"in {', '.join(asked)}" if asked else "here"
    raise MissingInputError(_gone(folder, where))


def _candidates(config_name: str | None, overrides: list[str]) -> Iterator[PipelineConfig]:
    """The pipelines whose records may have a folder: the one named, or all of the output folder."""
    if config_name is not None:
        yield configuration.load(config_name, overrides)
        return
    default = configuration.load("tiny", overrides)
    for path in sorted(Path(default.output.root).glob(f"*/{connection.FILE}")):
        yield default.model_copy(update={"name": path.parent.name})


def _recorded(config: PipelineConfig, folder: str) -> PushedModel | None:
    """By its UUID, or where there is none by its folder; the record of the push that made it."""
    if not connection.exists(config):
        return None
    store, uuid = Store(config), model_store.mlmd_uuid(folder)
    for artifact in store.artifacts("PushedModel"):
        if not artifact.properties.get("pushed"):
            continue
        if uuid is not None:
            is_it = artifact.properties.get(MLMD_UUID) == uuid
        else:
            is_it = _same_path(str(artifact.properties["pushed_destination"]), folder)
        if is_it:
            return PushedModel(config, store, artifact, _absolute(folder), uuid)
    return None


def _same_path(one: str, other: str) -> bool:
    return _absolute(one) == _absolute(other)


def _absolute(path: str) -> str:
    return path.rstrip("/") if "://" in path else str(Path(path).resolve())


def _gone(folder: str, where: str) -> str:
    """That there are no records, and what the model can say of itself."""
    uuid = model_store.mlmd_uuid(folder)
    text = (
        f"{folder}: there is no record of this model ({f'UUID {uuid}' if uuid else 'it has no UUID'}) {where}"
    )
    try:
        found = manifest.read(folder)
        own = (
            f"it says of itself: {found.model.family} of {found.num_parameters:,} parameters, weights "
            f"{found.weights_sha256[:12]}, tokenizer {found.tokenizer_sha256[:12]}"
        )
    except ModelError:
        own = "nor does it say anything of itself"
    return f"{text}; {own}: name the pipeline that pushed it with --config, or bring its metadata back"
