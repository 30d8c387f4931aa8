"""The statistics of the runs whose data was accepted: ``<base path>/<number>``, one folder a run.

A folder beside the artifacts, on whatever file system they are on, rather than a metadata store: it
works the same locally and on Kubeflow, whose open-source backend runs no TFX resolvers. An entry appears as a
whole: it is written under another name, and renamed.
"""

from __future__ import annotations

import uuid
from typing import Any

from tensorflow_metadata.proto.v0 import statistics_pb2
from tfx.dsl.io import fileio

from models.config import Settings

MAX_ENTRIES = 10
"""Older ones are removed."""
_STATISTICS = "statistics.pb"
_ORIGIN = "origin.json"


class Origin(Settings):
    """What an entry's data came from."""

    configuration: str
    """Fingerprint of the settings that decide which documents there are."""


def latest(base_path: str) -> tuple[Any, Origin] | None:
    """Statistics and origin of the newest entry; None when there is none."""
    numbers = _numbers(base_path)
    if not numbers:
        return None
    folder = f"{base_path}/{numbers[-1]}"
    with fileio.open(f"{folder}/{_STATISTICS}", "rb") as file:
        statistics = statistics_pb2.DatasetFeatureStatisticsList.FromString(file.read())
    with fileio.open(f"{folder}/{_ORIGIN}", "r") as file:
        return statistics, Origin.model_validate_json(file.read())


def add(base_path: str, statistics: Any, origin: Origin) -> None:
    """Makes these the newest entry."""
    fileio.makedirs(base_path)
    staging = f"{base_path}/.adding-{uuid.uuid4().hex}"
    fileio.makedirs(staging)
    with fileio.open(f"{staging}/{_STATISTICS}", "wb") as file:
        file.write(statistics.SerializeToString(deterministic=True))
    with fileio.open(f"{staging}/{_ORIGIN}", "w") as file:
        file.write(origin.model_dump_json())
    numbers = _numbers(base_path)
    fileio.rename(staging, f"{base_path}/{max(numbers, default=0) + 1}")
    for number in numbers[: max(0, len(numbers) + 1 - MAX_ENTRIES)]:
        fileio.rmtree(f"{base_path}/{number}")


def _numbers(base_path: str) -> list[int]:
    if not fileio.exists(base_path):
        return []
    names = (name.rstrip("/") for name in fileio.listdir(base_path))
    return sorted(int(name) for name in names if name.isdecimal())
