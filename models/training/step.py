"""The compiled training step.

A call makes several optimizer steps: a stack of batches goes in, sums per step come out, so
that the host's part is paid once a stack. Within a step the rows of a batch are cut into
parts, whose gradients are added up (gradient accumulation), and each part is spread over the
replicas of the strategy. The gradient is that of the mean loss over the *whole* batch's
tokens, whatever the parts and replicas: their number changes speed and memory, not the result
(but for the order in which floats are added).

On one device the whole of it is one function, compiled by XLA where that is asked for. With
more, each replica's gradients are compiled by themselves and summed by the strategy's
collective (NCCL on GPUs); the update runs on each replica alike.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import tensorflow as tf

from models import causal_lm
from models.causal_lm import CausalLM
from models.config import TrainingConfig
from models.training.optimizer import AdamW


class Stack(NamedTuple):
    """The rows of some consecutive steps."""

    token_ids: tf.Tensor
    """int32 ``(steps, parts, rows, length + 1)``; under a strategy, each replica's own rows."""
    loss_mask: tf.Tensor
    """float32 ``(steps, parts, rows, length)``: which targets count."""
    num_targets: tf.Tensor
    """float32 ``(steps,)``: targets that count in the whole batch, all replicas together."""
    learning_rate: tf.Tensor
    """float32 ``(steps,)``."""


class StepSums(NamedTuple):
    """What a stack's steps amounted to, each ``(steps,)`` float32."""

    nll: tf.Tensor
    """Sum over the batch's targets that count, in nats, without label smoothing."""
    gradient_norm: tf.Tensor
    """Global norm before clipping."""


class TrainingStep:
    """A callable from `Stack` to `StepSums` that updates the model in place."""

    def __init__(self, model: CausalLM, optimizer: AdamW, config: TrainingConfig, jit_compile: bool) -> None:
        self._model = model
        self._optimizer = optimizer
        self._config = config
        self._strategy = tf.distribute.get_strategy()
        self._gradients = self._sum_parts
        step = self._step
        if self._strategy.num_replicas_in_sync > 1:
            self._gradients = tf.function(self._sum_parts, jit_compile=jit_compile, autograph=False)
            step, jit_compile = self._distributed_step, False
        self._steps = tf.function(
            lambda stack: self._loop(step, stack), jit_compile=jit_compile, autograph=False
        )

    def __call__(self, stack: Stack) -> StepSums:
        return self._steps(stack)

    def _loop(self, step: Any, stack: Stack) -> StepSums:
        num_steps = stack.learning_rate.shape[0]

        def one(index: Any) -> StepSums:
            rows = (_at(stack.token_ids, index), _at(stack.loss_mask, index))
            return step(*rows, stack.num_targets[index], stack.learning_rate[index])

        if num_steps == 1:
            return StepSums(*(tf.expand_dims(value, 0) for value in one(0)))

        def body(index: tf.Tensor, nll: tf.TensorArray, norm: tf.TensorArray) -> Any:
            sums = one(index)
            return index + 1, nll.write(index, sums.nll), norm.write(index, sums.gradient_norm)

        arrays = [tf.TensorArray(tf.float32, num_steps, element_shape=[]) for _ in range(2)]
        _, *arrays = tf.while_loop(
            lambda index, *_: index < num_steps,
            body,
            (tf.constant(0), *arrays),
            parallel_iterations=1,
            maximum_iterations=num_steps,
        )
        return StepSums(*(array.stack() for array in arrays))

    def _step(
        self, token_ids: tf.Tensor, loss_mask: tf.Tensor, num_targets: tf.Tensor, learning_rate: tf.Tensor
    ) -> StepSums:
        scale = self._optimizer.loss_scale / tf.maximum(num_targets, 1.0)
        nll, gradients = self._gradients(token_ids, loss_mask, scale)
        return StepSums(nll, self._optimizer.apply(gradients, learning_rate))

    def _distributed_step(
        self, token_ids: tf.Tensor, loss_mask: tf.Tensor, num_targets: tf.Tensor, learning_rate: tf.Tensor
    ) -> StepSums:
        strategy = self._strategy
        scale = self._optimizer.loss_scale / tf.maximum(num_targets, 1.0)

        def replica(token_ids: tf.Tensor, loss_mask: tf.Tensor, scale: tf.Tensor) -> Any:
            nll, gradients = self._gradients(token_ids, loss_mask, scale)
            return tf.distribute.get_replica_context().all_reduce("sum", [nll, *gradients])

        nll, *gradients = strategy.run(replica, args=(token_ids, loss_mask, scale))
        norm = self._optimizer.apply(gradients, learning_rate)
        return StepSums(strategy.experimental_local_results(nll)[0], norm)

    def _sum_parts(
        self, token_ids: tf.Tensor, loss_mask: tf.Tensor, scale: tf.Tensor
    ) -> tuple[tf.Tensor, list[tf.Tensor]]:
        """Sum of nll, and the gradients of ``scale`` times the objective, added up over the parts."""
        variables = [variable.value for variable in self._model.trainable_variables]

        def part(token_ids: tf.Tensor, loss_mask: tf.Tensor) -> tuple[tf.Tensor, list[tf.Tensor]]:
            with tf.GradientTape() as tape:
                nll, objective = objective_sums(
                    self._model, token_ids, loss_mask, self._config.label_smoothing
                )
                scaled = objective * scale
            gradients = tape.gradient(scaled, variables, unconnected_gradients="zero")
            return nll, [tf.convert_to_tensor(gradient) for gradient in gradients]

        num_parts = token_ids.shape[0]
        if num_parts == 1:
            return part(token_ids[0], loss_mask[0])

        def add(index: tf.Tensor, nll: tf.Tensor, sums: list[tf.Tensor]) -> Any:
            more, gradients = part(token_ids[index], loss_mask[index])
            return index + 1, nll + more, [a + b for a, b in zip(sums, gradients, strict=True)]

        zeros = [tf.zeros(variable.shape, variable.dtype) for variable in variables]
        start = (tf.constant(0), tf.constant(0.0), zeros)
        _, nll, gradients = tf.while_loop(
            lambda index, *_: index < num_parts,
            add,
            start,
            parallel_iterations=1,
            maximum_iterations=num_parts,
        )
        return nll, gradients


def objective_sums(
    model: CausalLM, token_ids: tf.Tensor, loss_mask: tf.Tensor, label_smoothing: float
) -> tuple[tf.Tensor, tf.Tensor]:
    """Sums over the targets that count: of the nll, and of what is minimised, both float32 scalars.

    The two differ by label smoothing (Szegedy et al., arXiv 1512.00567, section 7): a share of
    the target's probability is spread evenly over the vocabulary.
    """
    logits = causal_lm.logits(model, token_ids[:, :-1], training=True)
    nll = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=token_ids[:, 1:], logits=logits)
    total = tf.reduce_sum(nll * loss_mask)
    if not label_smoothing:
        return total, total
    uniform = tf.reduce_logsumexp(logits, axis=-1) - tf.reduce_mean(logits, axis=-1)
    smoothed = (1.0 - label_smoothing) * nll + label_smoothing * uniform
    return total, tf.reduce_sum(smoothed * loss_mask)


def _at(tensor: tf.Tensor, index: Any) -> tf.Tensor:
    """``tensor[index]``, on each replica where there are several."""
    strategy = tf.distribute.get_strategy()
    if strategy.num_replicas_in_sync == 1:
        return tensor[index]
    return strategy.run(lambda value: value[index], args=(tensor,))
