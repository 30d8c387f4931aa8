"""What a SavedModel says of itself: ``assets.extra/lexmill.json``.

Servers pass over ``assets.extra``, so the file travels with the model from the trainer
through evaluation to what is pushed. It tells which models can be compared row by row
(the same tokenizer and context), and which are the same.
"""

from __future__ import annotations

import hashlib
from typing import Any, Literal

import tensorflow as tf
from pydantic import Field, ValidationError

from models.config import ModelConfig, Settings, TrainingConfig
from models.errors import ModelError

PATH = "assets.extra/lexmill.json"
TOKENIZER_PATH = "assets.extra/tokenizer"
"""The tokenizer's file (`models.tokenizing.reading`), for whoever packs text as the model reads it."""


class Manifest(Settings):
    """Where a SavedModel comes from and what it is."""

    model: ModelConfig
    training: TrainingConfig
    preset_sha256: str | None = None
    """Of the files of the preset that training started from, if it did: `models.presets.location`."""
    num_parameters: int
    vocabulary_size: int
    context_length: int
    """Longest sequence that the model reads, in tokens."""
    attention: Literal["row", "document"] | None = None
    """What a token saw of its row in training, ``packing.attention``; None of a model of an earlier
    version, which does not say."""
    tokenizer_sha256: str
    weights_sha256: str
    """Of the variables' files: the identity of the model."""
    validation_bits_per_byte: float
    training_tokens: int
    training_seconds: float
    training_began_at: str = ""
    """In UTC; empty in a model of an earlier version."""
    training_state: str | None = None
    """Folder of the weights and the tokenizer that another training can start from
    (`models.training.warm_start`); within the Trainer's artifact, and not in what is pushed."""
    evaluation: dict[str, Any] = Field(default_factory=dict)
    """Metrics on the test split, filled in when the model is pushed: slice name -> metric -> value."""

    def same_model(self, other: Manifest) -> bool:
        """Whether both hold the same weights and the same tokenizer."""
        return (self.tokenizer_sha256, self.weights_sha256) == (other.tokenizer_sha256, other.weights_sha256)

    def comparable_by_row(self, other: Manifest) -> bool:
        """Whether both models read the same packed rows alike."""
        return (self.tokenizer_sha256, self.context_length) == (other.tokenizer_sha256, other.context_length)


def weights_sha256(saved_model: str) -> str:
    """Hash of the SavedModel's variables: names, shapes and values."""
    digest = hashlib.sha256()
    for path in sorted(tf.io.gfile.glob(f"{saved_model}/variables/variables.*")):
        with tf.io.gfile.GFile(path, "rb") as file:
            while block := file.read(1 << 20):
                digest.update(block)
    return digest.hexdigest()


def write(saved_model: str, manifest: Manifest) -> None:
    """Writes `PATH` below the SavedModel's folder."""
    tf.io.gfile.makedirs(f"{saved_model}/assets.extra")
    with tf.io.gfile.GFile(f"{saved_model}/{PATH}", "w") as file:
        file.write(manifest.model_dump_json(indent=2) + "\n")


def write_tokenizer(saved_model: str, content: bytes) -> None:
    """Writes `TOKENIZER_PATH` below the SavedModel's folder."""
    tf.io.gfile.makedirs(f"{saved_model}/assets.extra")
    with tf.io.gfile.GFile(f"{saved_model}/{TOKENIZER_PATH}", "wb") as file:
        file.write(content)


def read_tokenizer(saved_model: str) -> bytes | None:
    """The tokenizer's file; None of a model of an earlier version, which has none."""
    path = f"{saved_model}/{TOKENIZER_PATH}"
    if not tf.io.gfile.exists(path):
        return None
    with tf.io.gfile.GFile(path, "rb") as file:
        return bytes(file.read())


def is_there(saved_model: str) -> bool:
    """Whether the folder has a manifest, which is written once the rest is."""
    return bool(tf.io.gfile.exists(f"{saved_model}/{PATH}"))


def read(saved_model: str) -> Manifest:
    """The manifest of a SavedModel.

    Raises:
      ModelError: there is none, or it is not one.
    """
    path = f"{saved_model}/{PATH}"
    try:
        with tf.io.gfile.GFile(path) as file:
            return Manifest.model_validate_json(file.read())
    except tf.errors.NotFoundError as error:
        raise ModelError(
            f"{path}: missing: this folder does not hold a model that Lexmill exported"
        ) from error
    except (ValidationError, UnicodeDecodeError) as error:
        raise ModelError(f"{path}: not a model manifest, or one of another version of Lexmill") from error
