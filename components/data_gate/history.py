"""The statistics of the runs whose data was accepted: ``<base path>/<number>``, one folder a run.

A folder beside the artifacts, on whatever file system they are on, rather than a metadata store: it works
the same locally and on Kubeflow, whose open-source backend runs no TFX resolvers. An entry counts once it
is whole: `_ORIGIN` is written last, and object storage could not rename a folder at once.
"""

from __future__ import annotations

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
    numbers = _numbers(base_path)
    folder = f"{base_path}/{max(numbers, default=0) + 1}"
    fileio.makedirs(folder)
    with fileio.open(f"{folder}/{_STATISTICS}", "wb") as file:
        file.write(statistics.SerializeToString(deterministic=True))
    with fileio.open(f"{folder}/{_ORIGIN}", "w") as file:
        file.write(origin.model_dump_json())
    for number in numbers[: max(0, len(numbers) + 1 - MAX_ENTRIES)]:
        fileio.rmtree(f"{base_path}/{number}")


def _numbers(base_path: str) -> list[int]:
    """Of the entries that are whole."""
    if not fileio.exists(base_path):
        return []
    names = (name.rstrip("/") for name in fileio.listdir(base_path))
    numbers = (int(name) for name in names if name.isdecimal())
    return sorted(number for number in numbers if fileio.exists(f"{base_path}/{number}/{_ORIGIN}"))
