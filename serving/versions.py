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
import posixpath
import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

import tensorflow as tf

from serving.errors import InvalidArgumentError, NotFoundError, ServingError
from serving.servable import Servable, load_servable

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
class LatestVersions:
    """The policy that serves the ``count`` highest versions."""

    count: int = 1

    def chosen(self, versions: list[int]) -> list[int]:
        return sorted(versions)[-self.count :]


@dataclasses.dataclass(frozen=True)
class Retries:
    """How often, and when, a version that failed to load is tried again."""

    max_num_retries: int = 5
    interval_s: float = 60.0


@dataclasses.dataclass
class _Record:
    """What is known of a version; guarded by the repository's lock."""

    state: State = State.LOADING
    servable: Servable | None = None
    error: ServingError | None = None
    num_requests: int = 0
    num_attempts: int = 0
    retry_at_s: float = 0.0


class VersionRepository:
    """The versions of one model, safe to use from any thread; ``poll`` from one at a time."""

    def __init__(
        self,
        model_name: str,
        base_path: str,
        policy: LatestVersions = LatestVersions(),  # noqa: B008 - frozen
        retries: Retries = Retries(),  # noqa: B008 - frozen
        labels: Mapping[str, int] | None = None,
        load: Callable[[str], Servable] = load_servable,
    ) -> None:
        self.model_name = model_name
        self.base_path = base_path
        self._policy = policy
        self._retries = retries
        self._labels = dict(labels or {})
        self._load = load
        self._lock = threading.Lock()
        self._records: dict[int, _Record] = {}

    def poll(self) -> None:
        """Brings what is loaded in line with the base path. An unreadable base path changes nothing."""
        folders = version_folders(self.base_path)
        if folders is None:
            return
        aspired = self._policy.chosen(list(folders))
        self._forgive_failures(set(folders))
        for version in sorted(aspired, reverse=True):
            if self._begin_load(version):
                self._finish_load(version, folders[version])
        self._unload_all_but(aspired)

    def unload_all(self) -> None:
        """Stops serving every version; those with requests under way go when these end."""
        self._unload_all_but([], keep_last=False)

    @contextmanager
    def using(self, version: int | None = None, label: str | None = None) -> Iterator[tuple[int, Servable]]:
        """A loaded version, the newest unless one is named, held in memory until the block ends."""
        with self._lock:
            version = self._resolved(version, label)
            record = self._records[version]
            record.num_requests += 1
            servable = record.servable
        assert servable is not None
        try:
            yield version, servable
        finally:
            del servable
            with self._lock:
                record.num_requests -= 1
                unloaded = _drop_if_idle(record)
            _collect(unloaded)

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
            if label not in self._labels:
                raise InvalidArgumentError(f"Unrecognized servable version label: {label}")
            version = self._labels[label]
        available = [number for number, record in self._records.items() if record.state is State.AVAILABLE]
        if version is None:
            if not available:
                raise NotFoundError(f"Servable not found for request: Latest({self.model_name})")
            return max(available)
        if version not in available:
            raise NotFoundError(f"Servable not found for request: Specific({self.model_name}, {version})")
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

    def _finish_load(self, version: int, version_dir: str) -> None:
        servable, failure = None, None
        try:
            servable = self._load(version_dir)
        except ServingError as error:
            failure = error
        with self._lock:
            record = self._records[version]
            record.servable, record.error = servable, failure
            record.state = State.AVAILABLE if servable else State.END
            if servable:
                record.num_attempts = 0
            else:
                record.retry_at_s = time.monotonic() + self._retries.interval_s

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
            unloaded = [_drop_if_idle(self._records[version]) for version in unwanted]
        _collect(any(unloaded))


def _drop_if_idle(record: _Record) -> bool:
    """Ends the unloading of a version that no request uses any more; if that is what happened."""
    if record.state is not State.UNLOADING or record.num_requests:
        return False
    record.servable = None
    record.state = State.END
    return True


def _collect(unloaded: bool) -> None:
    """Frees the memory of what was unloaded: a SavedModel in Python is full of reference cycles."""
    if unloaded:
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
