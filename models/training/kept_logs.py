"""The log of a run that failed, kept: an orchestrator removes what a failed stage has written.

Beside ``…/model_run/7`` it is ``…/failed_run/7``: a folder that TensorBoard and the report look
into, and from which a run that goes on takes its curves.
"""

from __future__ import annotations

import tensorflow as tf

FOLDER = "failed_run"


def keep(directory: str) -> None:
    """Copies a log's files, the event files of its profiles too, to where they stay."""
    target = _kept(directory)
    for folder, _, names in tf.io.gfile.walk(directory):
        below = folder.removeprefix(directory).strip("/")
        place = f"{target}/{below}" if below else target
        tf.io.gfile.makedirs(place)
        for name in names:
            tf.io.gfile.copy(f"{folder}/{name}", f"{place}/{name}", overwrite=True)


def find(directory: str) -> str:
    """The directory, or the copy that was kept of it when it is gone."""
    if tf.io.gfile.exists(directory) or not tf.io.gfile.exists(_kept(directory)):
        return directory
    return _kept(directory)


def _kept(directory: str) -> str:
    folder, name = directory.rstrip("/").rsplit("/", 1)
    return f"{folder.rsplit('/', 1)[0]}/{FOLDER}/{name}"
