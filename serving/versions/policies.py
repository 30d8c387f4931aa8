"""Which of the versions under a base path are served.

TensorFlow Serving's three policies: the highest ones, all, or those that are named.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Mapping
from types import MappingProxyType
from typing import Protocol


class VersionPolicy(Protocol):
    """Chooses among the versions that are there."""

    def chosen(self, versions: Collection[int]) -> list[int]:
        """The versions to serve, in ascending order."""


@dataclasses.dataclass(frozen=True)
class LatestVersions:
    """The ``count`` highest versions."""

    count: int = 1

    def chosen(self, versions: Collection[int]) -> list[int]:
        return sorted(versions)[-self.count :]


@dataclasses.dataclass(frozen=True)
class AllVersions:
    """Every version."""

    def chosen(self, versions: Collection[int]) -> list[int]:
        return sorted(versions)


@dataclasses.dataclass(frozen=True)
class SpecificVersions:
    """The versions named, as far as they are there."""

    versions: tuple[int, ...]

    def chosen(self, versions: Collection[int]) -> list[int]:
        return sorted(set(versions) & set(self.versions))


@dataclasses.dataclass(frozen=True)
class ModelConfig:
    """One model of a server: where its versions are, and which to serve."""

    name: str
    base_path: str
    """The folder whose integer-named subfolders are versions; local or any scheme TensorFlow opens."""
    policy: VersionPolicy = LatestVersions()
    labels: Mapping[str, int] = dataclasses.field(default_factory=lambda: MappingProxyType({}))
    """Label -> version, as a second name for a version."""
