"""Distributions of the weights, and of their gradients on one batch, for TensorBoard."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import tensorflow as tf

from models import rows, scoring
from models.causal_lm import CausalLM
from models.training.run_log import RunLog


class WeightHistograms:
    """Writes ``weights/<variable>`` and ``weight_gradients/<variable>``.

    The gradients are those of the mean loss over one batch of the eval split, without dropout: the
    same tokens each time, and no random number that training would miss. They cost a forward and a
    backward pass; where several devices train together they are left out.
    """

    def __init__(self, model: CausalLM, batch: rows.Batch) -> None:
        self._variables = model.trainable_variables
        self._batch = batch
        self._gradients: Any = None
        if tf.distribute.get_strategy().num_replicas_in_sync == 1:
            self._gradients = tf.function(lambda *row: _gradients(model, *row), autograph=False)

    def write(self, log: RunLog, step: int) -> None:
        log.histograms(step, "weights", self._named(self._variables))
        if self._gradients is not None:
            gradients = self._gradients(self._batch.token_ids, self._batch.loss_mask)
            log.histograms(step, "weight_gradients", self._named(gradients))

    def _named(self, values: Any) -> dict[str, np.ndarray]:
        return {
            variable.path: keras.ops.convert_to_numpy(value)
            for variable, value in zip(self._variables, values, strict=True)
        }


def _gradients(model: CausalLM, token_ids: tf.Tensor, loss_mask: tf.Tensor) -> list[tf.Tensor]:
    variables = [variable.value for variable in model.trainable_variables]
    with tf.GradientTape() as tape:
        nll = tf.reduce_sum(scoring.token_nll(model, token_ids, loss_mask))
        loss = nll / tf.maximum(tf.reduce_sum(loss_mask), 1.0)
    gradients = tape.gradient(loss, variables, unconnected_gradients="zero")
    return [tf.convert_to_tensor(gradient) for gradient in gradients]
