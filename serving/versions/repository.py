"""A model's versions: found under a base path, loaded, swapped and unloaded.

Every subfolder of the base path whose name is an integer is a version. A policy says
which of them should be served; a poll compares that with what is loaded. A new
version is loaded before an old one is unloaded, one that cannot load leaves the old
one serving, and an unloaded version goes once its last request has ended::

    folders 1      -> load 1                    1 AVAILABLE
    folders 1 2    -> load 2, unload 1          2 AVAILABLE, 1 END
    folders 1 2 3  -> load 3 fails, 2 stays     3 END (its error), 2 AVAILABLE, 1 END
    folders 1      -> load 1, unload 2          roll back

A failed version is tried again after ``retry_interval_s``, at most ``max_num_retries``
times, and anew after its folder has gone and come back. Loading happens in the thread
that polls; requests never wait for it.
"""

from __future__ import annotations

import dataclasses
import enum
import gc
import logging
import posixpath
import re
import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Protocol

import tensorflow as tf

from serving.errors import InvalidArgumentError, LoadError, NotFoundError, ServingError
from serving.servables.servable import Servable, load_servable
from serving.versions.policies import ModelConfig

_log = logging.getLogger(__name__)

_INTEGER = re.compile(r"[+-]?[0-9]+", re.ASCII)


class State(enum.Enum):
    """TensorFlow Serving's states of a version, with its numbers."""

    START = 10
    LOADING = 20
    AVAILABLE = 30
    UNLOADING = 40
    END = 50


@dataclasses.dataclass(frozen=True)
class VersionStatus:
    """A version's state, and why it could not be loaded if it could not."""

    version: int
    state: State
    error: ServingError | None = None


@dataclasses.dataclass(frozen=True)
class Retries:
    """How often, and when, a version that failed to load is tried again."""

    max_num_retries: int = 5
    interval_s: float = 60.0


class Observer(Protocol):
    """Who wants to know of loads and unloads. Called without a lock held."""

    def loaded(self, model_name: str, version: int, servable: Servable) -> None:
        """Before the version gets its first request; a ServingError raised here fails the load."""

    def retired(self, model_name: str, version: int) -> None:
        """Nobody can acquire the version any more; leases given out before are still held."""

    def unloaded(self, model_name: str, version: int) -> None:
        """The last lease is back, and the version's memory goes."""


class Lease:
    """A loaded version, held in memory until ``release`` or the end of its ``with`` block."""

    def __init__(
        self, model_name: str, version: int, servable: Servable, give_back: Callable[[], None]
    ) -> None:
        self.model_name = model_name
        self.version = version
        self._servable: Servable | None = servable
        self._give_back = give_back
        self._lock = threading.Lock()

    @property
    def servable(self) -> Servable:
        """What is loaded; not to be kept beyond the lease."""
        assert self._servable is not None, "the lease was released"
        return self._servable

    def release(self) -> None:
        """Gives the version back. A second call does nothing."""
        with self._lock:
            held, self._servable = self._servable, None
        if held is not None:
            del held
            self._give_back()

    def __enter__(self) -> Lease:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.release()


@dataclasses.dataclass
class _Record:
    """What is known of a version; guarded by the repository's lock."""

    state: State = State.LOADING
    servable: Servable | None = None
    error: ServingError | None = None
    num_leases: int = 0
    num_attempts: int = 0
    retry_at_s: float = 0.0


class VersionRepository:
    """The versions of one model, safe to use from any thread; ``poll`` from one at a time."""

    def __init__(
        self,
        config: ModelConfig,
        retries: Retries = Retries(),  # noqa: B008 - frozen
        load: Callable[[str], Servable] = load_servable,
        warm_up: Callable[[Servable], None] = lambda servable: None,
    ) -> None:
        """``warm_up`` runs after the observers have been told and before the first request; a
        ServingError that it raises fails the load."""
        self.config = config
        self._retries = retries
        self._load = load
        self._warm_up = warm_up
        self._lock = threading.Lock()
        self._records: dict[int, _Record] = {}
        self._observers: list[Observer] = []
        self._garbage = False

    def poll(self) -> list[VersionStatus]:
        """Brings what is loaded in line with the base path, and returns the versions that failed to load. An
        unreadable base path changes nothing."""
        config = self.config
        folders = version_folders(config.base_path)
        if folders is None:
            return []
        aspired = config.policy.chosen(folders)
        self._forgive_failures(set(folders))
        failed = []
        for version in sorted(aspired, reverse=True):
            if self._begin_load(version):
                error = self._finish_load(version, folders[version])
                failed += [VersionStatus(version, State.END, error)] if error else []
        self._unload_all_but(aspired)
        self._collect()
        return failed

    def unload_all(self) -> None:
        """Stops serving every version; those with requests under way go when these end."""
        self._unload_all_but([], keep_last=False)
        self._collect()

    def acquire(self, version: int | None = None, label: str | None = None) -> Lease:
        """A loaded version, the newest unless one is named, held in memory until the lease is released."""
        with self._lock:
            version = self._resolved(version, label)
            record = self._records[version]
            record.num_leases += 1
            servable = record.servable
        assert servable is not None
        return Lease(self.config.name, version, servable, lambda: self._give_back(version))

    def observe(self, observer: Observer) -> None:
        """Tells ``observer`` of versions loaded from now on."""
        self._observers.append(observer)

    def statuses(self) -> list[VersionStatus]:
        """Every version ever tried, highest first."""
        with self._lock:
            return [
                VersionStatus(version, record.state, record.error)
                for version, record in sorted(self._records.items(), reverse=True)
            ]

    def available_versions(self) -> list[int]:
        """The versions that answer requests, highest first."""
        return [status.version for status in self.statuses() if status.state is State.AVAILABLE]

    def _resolved(self, version: int | None, label: str | None) -> int:
        if label:
            if label not in self.config.labels:
                raise InvalidArgumentError(f"Unrecognized servable version label: {label}")
            version = self.config.labels[label]
        available = [number for number, record in self._records.items() if record.state is State.AVAILABLE]
        if version is None:
            if not available:
                raise NotFoundError(f"Servable not found for request: Latest({self.config.name})")
            return max(available)
        if version not in available:
            raise NotFoundError(f"Servable not found for request: Specific({self.config.name}, {version})")
        return version

    def _forgive_failures(self, folders: set[int]) -> None:
        with self._lock:
            for version, record in self._records.items():
                if version not in folders and record.state is State.END:
                    record.num_attempts = 0
                    record.retry_at_s = 0.0

    def _begin_load(self, version: int) -> bool:
        with self._lock:
            record = self._records.setdefault(version, _Record(State.START))
            if record.state not in (State.START, State.END):
                return False
            if record.num_attempts > self._retries.max_num_retries or time.monotonic() < record.retry_at_s:
                return False
            record.state, record.error = State.LOADING, None
            record.num_attempts += 1
            return True

    def _finish_load(self, version: int, version_dir: str) -> ServingError | None:
        servable: Servable | None = None
        failure: ServingError | None = None
        told: list[Observer] = []
        try:
            loaded = self._load(version_dir)
            for observer in self._observers:
                told.append(observer)
                observer.loaded(self.config.name, version, loaded)
            self._warm_up(loaded)
            servable = loaded
        except ServingError as error:
            failure = error
        except Exception as error:
            _log.exception("loading version %d of model %s failed", version, self.config.name)
            failure = LoadError(f"cannot load {version_dir}: {type(error).__name__}: {error}")
        if failure:
            for observer in told:
                observer.unloaded(self.config.name, version)
        with self._lock:
            record = self._records[version]
            record.servable, record.error = servable, failure
            record.state = State.AVAILABLE if servable else State.END
            if servable:
                record.num_attempts = 0
            else:
                record.retry_at_s = time.monotonic() + self._retries.interval_s
        return failure

    def _unload_all_but(self, aspired: list[int], keep_last: bool = True) -> None:
        with self._lock:
            available = {
                number for number, record in self._records.items() if record.state is State.AVAILABLE
            }
            unwanted = available - set(aspired)
            if keep_last and aspired and unwanted == available:
                # None of the versions that should be served can be: the highest old one stays.
                unwanted.discard(max(available, default=0))
            for version in unwanted:
                self._records[version].state = State.UNLOADING
        for version in sorted(unwanted):
            for observer in self._observers:
                observer.retired(self.config.name, version)
            self._end_if_idle(version)

    def _give_back(self, version: int) -> None:
        with self._lock:
            self._records[version].num_leases -= 1
        self._end_if_idle(version)

    def _end_if_idle(self, version: int) -> None:
        """Ends the unloading of a version that nobody holds any more."""
        with self._lock:
            record = self._records[version]
            if record.state is not State.UNLOADING or record.num_leases:
                return
            record.servable = None
            record.state = State.END
            self._garbage = True
        for observer in self._observers:
            observer.unloaded(self.config.name, version)

    def _collect(self) -> None:
        """Frees what was unloaded, a SavedModel in Python being full of reference cycles; not in the
        request that held it last, which would wait."""
        if self._garbage:
            self._garbage = False
            gc.collect()


def version_folders(base_path: str) -> dict[int, str] | None:
    """Version -> folder, for every child of ``base_path`` named by an int64; None if it cannot be listed."""
    try:
        names = [name.rstrip("/") for name in tf.io.gfile.listdir(base_path)]
    except tf.errors.OpError:
        return None
    folders = {}
    for name in sorted(names):
        if _INTEGER.fullmatch(name) and -(2**63) <= int(name) < 2**63:
            folders[int(name)] = posixpath.join(base_path, name)
    return folders
