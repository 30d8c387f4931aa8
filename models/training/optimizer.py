"""AdamW over a model's variables, as one update that every replica applies alike.

Decoupled weight decay (Loshchilov and Hutter, arXiv 1711.05101) on matrices only,
clipping by the global norm, and dynamic loss scaling for float16 (Micikevicius et al.,
arXiv 1710.03740, section 3.2). The arithmetic is Keras' ``AdamW``, to which a test compares it.

Why not Keras' own: under ``tf.distribute`` it clips each replica's gradient before the
replicas' sum is taken, so several devices do not compute what one does (shown by a test);
and it spends some fifteen small ops on each variable where TensorFlow has one.
"""

from __future__ import annotations

from collections.abc import Sequence

import keras
import tensorflow as tf

from models.config import TrainingConfig

EPSILON = 1e-8
INITIAL_LOSS_SCALE = 2.0**15
LOSS_SCALE_GROWTH_STEPS = 2000


class AdamW(tf.Module):
    """The optimizer's state: two moments per variable, the count of updates, the loss scale."""

    def __init__(self, config: TrainingConfig, variables: Sequence[keras.Variable], float16: bool) -> None:
        """To be made under the scope of the strategy that the model was built under."""
        super().__init__(name="adamw")
        self._config = config
        self._parameters = [variable.value for variable in variables]
        self._decayed = [is_decayed(variable) for variable in variables]
        self._first = [self._slot(variable) for variable in self._parameters]
        self._second = [self._slot(variable) for variable in self._parameters]
        self.updates = tf.Variable(0, dtype=tf.int64, trainable=False, name="updates")
        scale = INITIAL_LOSS_SCALE if float16 else 1.0
        self._float16 = float16
        self.loss_scale = tf.Variable(scale, trainable=False, name="loss_scale")
        self._finite_steps = tf.Variable(0, dtype=tf.int64, trainable=False, name="finite_steps")

    @staticmethod
    def _slot(variable: tf.Variable) -> tf.Variable:
        with tf.distribute.get_strategy().extended.colocate_vars_with(variable):
            return tf.Variable(lambda: tf.zeros(variable.shape, variable.dtype), trainable=False)

    @property
    def state(self) -> list[tf.Variable]:
        """What a checkpoint holds."""
        return [*self._first, *self._second, self.updates, self.loss_scale, self._finite_steps]

    def apply(self, gradients: Sequence[tf.Tensor], learning_rate: tf.Tensor) -> tf.Tensor:
        """One update from the whole step's gradients, scaled by `loss_scale`; returns their global
        norm, unscaled and before clipping, float32.

        Under a strategy, to be called in cross-replica context with values that are equal on
        every replica. With float16, gradients that overflow change nothing but the scale.
        """
        norm = tf.linalg.global_norm([_first_replica(gradient) for gradient in gradients]) / self.loss_scale
        if not self._float16:
            self._update(gradients, norm, learning_rate)
            return norm
        finite = tf.math.is_finite(norm)
        tf.cond(finite, lambda: self._update(gradients, norm, learning_rate), lambda: None)
        grown = finite & (self._finite_steps + 1 >= LOSS_SCALE_GROWTH_STEPS)
        factor = tf.where(grown, 2.0, tf.where(finite, 1.0, 0.5))
        self.loss_scale.assign(tf.maximum(self.loss_scale * factor, 1.0))
        self._finite_steps.assign(tf.where(finite & ~grown, self._finite_steps + 1, 0))
        return norm

    def _update(self, gradients: Sequence[tf.Tensor], norm: tf.Tensor, learning_rate: tf.Tensor) -> None:
        config = self._config
        clip = tf.minimum(1.0, config.clip_norm / tf.maximum(norm, 1e-12)) / self.loss_scale
        updates = tf.cast(self.updates.assign_add(1), tf.float32)
        powers = (tf.pow(config.beta_1, updates), tf.pow(config.beta_2, updates))
        shrink = 1.0 - learning_rate * config.weight_decay

        def update(variable, gradient, first, second, decayed):  # type: ignore[no-untyped-def]
            if decayed and config.weight_decay:
                variable.assign(variable * shrink)
            tf.raw_ops.ResourceApplyAdam(
                var=variable.handle, m=first.handle, v=second.handle,
                beta1_power=powers[0], beta2_power=powers[1], lr=learning_rate,
                beta1=config.beta_1, beta2=config.beta_2, epsilon=EPSILON, grad=gradient * clip,
            )  # fmt: skip

        extended = tf.distribute.get_strategy().extended
        each = zip(self._parameters, gradients, self._first, self._second, self._decayed, strict=True)
        for variable, gradient, first, second, decayed in each:
            extended.update(variable, update, args=(gradient, first, second, decayed), group=False)


def is_decayed(variable: keras.Variable) -> bool:
    """Weight decay is for matrices: not for biases (attention's have two axes) nor norms' scales."""
    return len(variable.shape) >= 2 and variable.name != "bias"


def _first_replica(value: tf.Tensor) -> tf.Tensor:
    return tf.distribute.get_strategy().experimental_local_results(value)[0]
