"""The models of a server: which there are, and each one's versions.

A configuration is taken as a whole, at the start and whenever it is reloaded: models that
it lacks are unloaded, new ones are loaded, and a model that stays keeps its versions. As
on the stock server, a label is given only to a version that is available at that moment
(``allow_labels_for_unavailable`` lifts this for labels that are not in use yet), and a
reload fails as a whole if one cannot be given.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

from serving.errors import (
    FailedPreconditionError,
    InvalidArgumentError,
    NotFoundError,
    ServingError,
)
from serving.servables.servable import Servable, load_servable
from serving.versions.policies import ModelConfig
from serving.versions.repository import Lease, Observer, Retries, State, VersionRepository, VersionStatus


class Catalog:
    """Models by name, safe to use from any thread."""

    def __init__(
        self,
        retries: Retries = Retries(),  # noqa: B008 - frozen
        load: Callable[[str], Servable] = load_servable,
        warm_up: Callable[[Servable], None] = lambda servable: None,
        allow_labels_for_unavailable: bool = False,
    ) -> None:
        self._retries = retries
        self._load = load
        self._warm_up = warm_up
        self._allow_labels_for_unavailable = allow_labels_for_unavailable
        self._observers: list[Observer] = []
        self._repositories: dict[str, VersionRepository] = {}
        self._changing = threading.RLock()
        """Held while versions are loaded and unloaded; requests do not need it."""

    @property
    def names(self) -> list[str]:
        """The models' names, in order."""
        return sorted(self._repositories)

    def repository(self, name: str) -> VersionRepository | None:
        """The model's versions; None for a model that is not served."""
        return self._repositories.get(name)

    def acquire(self, name: str, version: int | None = None, label: str | None = None) -> Lease:
        """A loaded version of the model, held in memory until the lease is released."""
        repository = self._repositories.get(name)
        if repository:
            return repository.acquire(version, label)
        if label:
            raise InvalidArgumentError(f"Unrecognized servable version label: {label}")
        request = f"Latest({name})" if version is None else f"Specific({name}, {version})"
        raise NotFoundError(f"Servable not found for request: {request}")

    def observe(self, observer: Observer) -> None:
        """Tells ``observer`` of the loads and unloads of every model from now on."""
        with self._changing:
            self._observers.append(observer)
            for repository in self._repositories.values():
                repository.observe(observer)

    def configure(self, configs: Sequence[ModelConfig]) -> dict[str, list[VersionStatus]]:
        """Serves exactly the models of ``configs``; returns what failed to load. Raises when a label cannot
        be given, which changes nothing, or when a new model has no version that loads, which leaves the rest
        as configured."""
        with self._changing:
            self._check_names(configs)
            self._check_labels(configs)
            new = [config.name for config in configs if config.name not in self._repositories]
            repositories = {config.name: self._configured(config) for config in configs}
            gone = [self._repositories[name] for name in self._repositories if name not in repositories]
            self._repositories = repositories
            for repository in gone:
                repository.unload_all()
            failed = self.poll()
            self._check_available(new)
            return failed

    def poll(self) -> dict[str, list[VersionStatus]]:
        """Brings what is loaded in line with every model's base path; returns what failed to load."""
        with self._changing:
            return {name: repository.poll() for name, repository in list(self._repositories.items())}

    def unload_all(self, timeout_s: float = 10.0) -> None:
        """Stops serving every version of every model; gives up if a load takes longer than ``timeout_s``."""
        if not self._changing.acquire(timeout=timeout_s):
            return
        try:
            for repository in self._repositories.values():
                repository.unload_all()
        finally:
            self._changing.release()

    def _configured(self, config: ModelConfig) -> VersionRepository:
        repository = self._repositories.get(config.name)
        if repository:
            repository.config = config
            return repository
        repository = VersionRepository(config, self._retries, self._load, self._warm_up)
        for observer in self._observers:
            repository.observe(observer)
        return repository

    def _check_names(self, configs: Sequence[ModelConfig]) -> None:
        seen: set[str] = set()
        for config in configs:
            if config.name in seen:
                raise InvalidArgumentError(
                    f"Illegal to list model {config.name} multiple times in config list"
                )
            seen.add(config.name)

    def _check_labels(self, configs: Sequence[ModelConfig]) -> None:
        for config in configs:
            repository = self._repositories.get(config.name)
            given = repository.config.labels if repository else {}
            available = repository.available_versions() if repository else []
            for label, version in config.labels.items():
                is_free = given.get(label, version) == version
                if version in available or (self._allow_labels_for_unavailable and is_free):
                    continue
                raise FailedPreconditionError(
                    f"Request to assign label to version {version} of model {config.name},"
                    " which is not currently available for inference"
                )

    def _check_available(self, names: Sequence[str]) -> None:
        failed = [name for name in names if not self._repositories[name].available_versions()]
        if failed:
            reasons = ", ".join(_failure(name, self._repositories[name]) for name in failed)
            raise ServingError(f"{len(failed)} model(s) did not become available: {{{reasons}, }}")


def _failure(name: str, repository: VersionRepository) -> str:
    broken = [status for status in repository.statuses() if status.state is State.END and status.error]
    if not broken:
        return f"{{{{name: {name}}} due to error: no version under {repository.config.base_path}}}"
    error = broken[0].error
    assert error is not None
    return f"{{{{name: {name} version: {broken[0].version}}} due to error: {error.code.name}: {error}}}"
