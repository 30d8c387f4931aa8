"""Checkpoints: the whole state of a training run after a step.

Written so that a kill at any moment leaves the last complete one readable.
``<directory>/step-0000000500/`` holds TensorFlow's own checkpoint of the variables (``state.index``,
``state.data-…``), ``progress.json`` (what the loop itself knows), and, written last, ``complete.json``:
the size and SHA-256 of each of those files. A folder without it was not finished; a folder whose files
do not match it was damaged. Both are passed over for the one before, and said aloud. This needs no
atomic rename, which object stores lack.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import re
from collections.abc import Callable, Sequence
from typing import Any

import tensorflow as tf
from pydantic import ValidationError

from models.config import Settings
from models.errors import CheckpointError
from models.measures import LossSums

_FOLDER = re.compile(r"step-(\d{10})")
_STATE, _PROGRESS, _COMPLETE = "state", "progress.json", "complete.json"


class Progress(Settings):
    """What the loop knows after a step, beside the variables."""

    step: int = 0
    num_tokens: int = 0
    """Targets trained on."""
    seconds: float = 0.0
    """Spent in the loop, by all processes that worked on this run."""
    window: LossSums = LossSums()
    """Of the steps since the last log point."""
    first_loss: float | None = None
    """Nats per token in the first log window."""
    best_step: int | None = None
    best: LossSums = LossSums()
    """The best validation so far."""
    validation: LossSums = LossSums()
    """The last one."""
    stale_validations: int = 0
    """Validations since the best one."""
    num_steps: int = 0
    """Of the training as it was asked for; this state may be where a longer one goes on."""
    began_at: str = ""
    """When the first step of that training began, in UTC."""
    log_directory: str = ""
    """Where the process that wrote this put its event files."""


@dataclasses.dataclass
class CheckpointStore:
    """The checkpoints of one run, in one folder on any file system that TensorFlow knows."""

    directory: str
    variables: Sequence[tf.Variable]
    report: Callable[[str], None]
    """Told of checkpoints that had to be passed over."""
    keep: int = 2

    def save(self, progress: Progress) -> None:
        """Writes a checkpoint; then drops all but the newest `keep` and the best one."""
        folder = self._folder(progress.step)
        if tf.io.gfile.exists(folder):
            tf.io.gfile.rmtree(folder)
        tf.io.gfile.makedirs(folder)
        tf.train.Checkpoint(variables=list(self.variables)).write(f"{folder}/{_STATE}")
        _write(f"{folder}/{_PROGRESS}", progress.model_dump_json(indent=2))
        names = sorted(tf.io.gfile.listdir(folder))
        _write(
            f"{folder}/{_COMPLETE}", json.dumps({name: _fingerprint(f"{folder}/{name}") for name in names})
        )
        self._prune(progress)

    def restore(self, num_steps: int | None = None) -> Progress | None:
        """Puts the newest sound checkpoint into the variables, of ``num_steps`` steps at most; None when
        there is none."""
        for step in sorted(self.steps(), reverse=True):
            if num_steps is not None and step > num_steps:
                continue
            problem = self._problem(step)
            if problem is None:
                return self.load(step)
            self.report(f"{self._folder(step)}: passed over: {problem}")
        return None

    def load(self, step: int) -> Progress:
        """Puts the checkpoint of ``step`` into the variables.

        Raises:
          CheckpointError: it is not of this model, or of another version of Lexmill.
        """
        folder = self._folder(step)
        try:
            with tf.io.gfile.GFile(f"{folder}/{_PROGRESS}") as file:
                progress = Progress.model_validate_json(file.read())
            reader = tf.train.Checkpoint(variables=list(self.variables)).read(f"{folder}/{_STATE}")
            reader.assert_consumed()
        except (AssertionError, ValueError, ValidationError, tf.errors.OpError) as error:
            raise CheckpointError(
                f"{folder}: cannot be read into this model: remove the folder {self.directory} to train anew "
                f"({str(error).splitlines()[0][:160]})"
            ) from error
        return progress

    def steps(self) -> list[int]:
        """Steps of which there is a folder, sound or not, in no order."""
        if not tf.io.gfile.isdir(self.directory):
            return []
        names = (_FOLDER.fullmatch(name.rstrip("/")) for name in tf.io.gfile.listdir(self.directory))
        return [int(match[1]) for match in names if match]

    def _folder(self, step: int) -> str:
        return f"{self.directory}/step-{step:010d}"

    def _problem(self, step: int) -> str | None:
        folder = self._folder(step)
        try:
            with tf.io.gfile.GFile(f"{folder}/{_COMPLETE}") as file:
                expected: dict[str, Any] = json.loads(file.read())
        except tf.errors.NotFoundError:
            return "its writing was not finished"
        except ValueError:
            return f"{_COMPLETE} is damaged"
        for name, fingerprint in expected.items():
            path = f"{folder}/{name}"
            if not tf.io.gfile.exists(path):
                return f"{name} is missing"
            if _fingerprint(path) != fingerprint:
                return f"{name} is damaged"
        return None

    def _prune(self, progress: Progress) -> None:
        """The folders of steps after this one are of a run that went on from a damaged checkpoint's
        predecessor, and go too."""
        past = sorted(step for step in self.steps() if step <= progress.step)
        kept = {*past[-self.keep :], progress.best_step}
        for step in self.steps():
            if step not in kept:
                tf.io.gfile.rmtree(self._folder(step))


def _write(path: str, text: str) -> None:
    with tf.io.gfile.GFile(path, "w") as file:
        file.write(text + "\n")


def _fingerprint(path: str) -> dict[str, Any]:
    digest = hashlib.sha256()
    with tf.io.gfile.GFile(path, "rb") as file:
        size = file.size()
        while block := file.read(1 << 20):
            digest.update(block)
    return {"size": size, "sha256": digest.hexdigest()}
