"""Weights to go on from: those of one training, kept beside what it exported, into a fresh model.

The exported graph holds them merged and laid out for serving (`models.decoding.keras_weights`), from which
they cannot be had back; so training keeps its own variables, in a folder with its tokenizer's file.
"""

from __future__ import annotations

import tensorflow as tf

from models.causal_lm import CausalLM
from models.errors import WarmStartError

TOKENIZER = "tokenizer.model"
_WEIGHTS = "weights"


def write(model: CausalLM, tokenizer_content: bytes, folder: str) -> None:
    """Keeps the weights of ``model``, and the tokenizer that they were trained with."""
    tf.io.gfile.makedirs(folder)
    _checkpoint(model).write(f"{folder}/{_WEIGHTS}")
    with tf.io.gfile.GFile(f"{folder}/{TOKENIZER}", "wb") as file:
        file.write(tokenizer_content)


def read_tokenizer(folder: str) -> bytes:
    """The file of the tokenizer.

    Raises:
      WarmStartError: the folder is gone.
    """
    try:
        with tf.io.gfile.GFile(f"{folder}/{TOKENIZER}", "rb") as file:
            content: bytes = file.read()
    except tf.errors.OpError as error:
        raise _gone(folder) from error
    return content


def load(model: CausalLM, folder: str) -> None:
    """Puts the weights of a training into a model of the same shape; the optimizer starts anew.

    Raises:
      WarmStartError: the folder is gone, or of another shape.
    """
    try:
        _checkpoint(model).read(f"{folder}/{_WEIGHTS}").assert_consumed()
    except tf.errors.NotFoundError as error:
        raise _gone(folder) from error
    except (AssertionError, ValueError, tf.errors.OpError) as error:
        why = str(error).splitlines()[0][:120]
        raise WarmStartError(
            f"{folder}: its weights are not those of a model of this shape ({why})"
        ) from error


def _checkpoint(model: CausalLM) -> tf.train.Checkpoint:
    variables = [*model.trainable_variables, *model.non_trainable_weights]
    return tf.train.Checkpoint(variables=[variable.value for variable in variables])


def _gone(folder: str) -> WarmStartError:
    return WarmStartError(
        f"{folder}: the weights to start from are gone: bring the folder back, or set "
        'training.warm_start = "none"'
    )
