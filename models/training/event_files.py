"""TensorBoard's event files: written record by record, read, and cut back to an earlier step.

An event file is a TFRecord file of ``tensorboard.Event`` protos, one a step and write. They are
written here rather than by ``tf.summary``: all values of a step are one record and one flush
instead of an op each, and a record is either in the file whole or is its damaged end.

A directory may hold several files; TensorBoard reads them in the order of their names, so each
new one is named for a later second than those before it.
"""

from __future__ import annotations

import os
import socket
import struct
import time
from collections.abc import Iterator

import tensorflow as tf
from google.protobuf.message import DecodeError
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.compat.tensorflow_stub.pywrap_tensorflow import masked_crc32c

_FILE_VERSION = "brain.Event:2"
_HEADER = struct.Struct("<QI")
"""Of a TFRecord: the length of its data, and that number's checksum."""
_CHECKSUM_BYTES = 4
"""After the data: their checksum."""
_OBJECT_FLUSH_S = 60.0
"""Least time between two flushes to object storage, where each writes the whole file anew, and where one
object may be written once a second."""


class EventWriter:
    """Appends events to a new file in ``directory``; each is readable when `write` returns, and on object
    storage (``gs://``) a minute later, or when the writer is closed."""

    def __init__(self, directory: str) -> None:
        self._flush_every_s = _OBJECT_FLUSH_S if "://" in directory else 0.0
        self._flushed_s = -_OBJECT_FLUSH_S
        tf.io.gfile.makedirs(directory)
        self._writer = tf.io.TFRecordWriter(_new_path(directory))
        self._append(Event(wall_time=time.time(), file_version=_FILE_VERSION))

    def write(self, step: int, *summaries: Summary) -> None:
        """One event that holds the values of all ``summaries``."""
        event = Event(step=step, wall_time=time.time())
        for summary in summaries:
            event.summary.MergeFrom(summary)
        self._append(event)

    def close(self) -> None:
        self._writer.close()

    def _append(self, event: Event) -> None:
        self._writer.write(event.SerializeToString())
        if time.monotonic() - self._flushed_s >= self._flush_every_s:
            self._writer.flush()
            self._flushed_s = time.monotonic()


def paths(directory: str) -> list[str]:
    """The event files of a directory, in the order in which they were written."""
    return sorted(tf.io.gfile.glob(f"{directory}/*.tfevents.*"))


def read(directory: str) -> Iterator[Event]:
    """Every event, file by file. A damaged end, as a killed writer leaves it, is passed over."""
    for path in paths(directory):
        yield from _read_file(path)


def keep_until(directory: str, step: int) -> set[str]:
    """Removes the events after ``step`` from the directory's files.

    Returns:
      the tags of the events that stayed.
    """
    return _copy_until(directory, directory, step)


def carry(source: str, directory: str, step: int) -> set[str]:
    """Copies the events up to ``step`` of another directory to this one.

    Returns:
      the tags of the events that were copied.
    """
    tf.io.gfile.makedirs(directory)
    return _copy_until(source, directory, step)


def _copy_until(source: str, directory: str, step: int) -> set[str]:
    tags: set[str] = set()
    for path in paths(source):
        name = path.rsplit("/", 1)[-1]
        part = f"{directory}/part-{name.replace('tfevents', 'events')}"
        with tf.io.TFRecordWriter(part) as writer:
            for event in _read_file(path):
                if event.step <= step:
                    writer.write(event.SerializeToString())
                    tags.update(value.tag for value in event.summary.value)
        # Whoever is killed before this line leaves the old file, and a part that is no event file.
        tf.io.gfile.rename(part, f"{directory}/{name}", overwrite=True)
    return tags


def _read_file(path: str) -> Iterator[Event]:
    """Reads record by record here: TensorFlow has no reader but a dataset, whose threads cost more
    than these small files. The data's checksum is not looked at, as what a kill leaves is short."""
    with tf.io.gfile.GFile(path, "rb") as file:
        while len(header := file.read(_HEADER.size)) == _HEADER.size:
            length, checksum = _HEADER.unpack(header)
            if checksum != masked_crc32c(header[:8]):
                return
            record = file.read(length + _CHECKSUM_BYTES)
            if len(record) < length + _CHECKSUM_BYTES:
                return
            try:
                yield Event.FromString(record[:length])
            except DecodeError:
                return


def _new_path(directory: str) -> str:
    last = max((_second(path) for path in paths(directory)), default=0)
    second = max(int(time.time()), last + 1)
    return f"{directory}/events.out.tfevents.{second:010d}.{socket.gethostname()}.{os.getpid()}"


def _second(path: str) -> int:
    digits = path.rsplit("tfevents.", 1)[-1].split(".", 1)[0]
    return int(digits) if digits.isdecimal() else 0
