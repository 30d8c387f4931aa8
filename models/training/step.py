"""The compiled training step.

A call makes several optimizer steps: a stack of batches goes in, sums per step come out, so
that the host's part is paid once a stack. Within a step the rows of a batch are cut into
parts, whose gradients are added up (gradient accumulation), and each part is spread over the
replicas of the strategy. The gradient is that of the mean loss over the *whole* batch's
tokens, whatever the parts and replicas: their number changes speed and memory, not the result
(but for the order in which floats are added).

On one GPU the whole of it is one function, compiled by XLA where that is asked for. On a CPU the
rows are cut once more, into a shard a core, whose gradients run side by side, each on one thread
(see `models.training.cores`): at small widths the threads of one op would wait for each other
longer than they work. With several devices, each replica's gradients are compiled by themselves and
summed by the strategy's collective (NCCL on GPUs); the update runs on each replica alike.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any, NamedTuple

import keras
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

    def __init__(
        self,
        model: CausalLM,
        optimizer: AdamW,
        config: TrainingConfig,
        jit_compile: bool,
        num_shards: int = 1,
    ) -> None:
        """``num_shards`` divides the rows of a part, and is 1 under a strategy of several replicas."""
        self._model = model
        self._optimizer = optimizer
        self._config = config
        self._strategy = tf.distribute.get_strategy()
        self._num_shards = num_shards
        self._seeds = seed_states(model)
        self._gradients: Any = self._sum_parts
        step = self._step
        if self._strategy.num_replicas_in_sync > 1:
            step = self._distributed_step
        elif num_shards > 1:
            step = self._sharded_step
        if step != self._step:
            self._gradients = tf.function(self._sum_parts, jit_compile=jit_compile, autograph=False)
            jit_compile = False
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
        nll, gradients, _ = self._gradients(token_ids, loss_mask, scale, [])
        return StepSums(nll, self._optimizer.apply(gradients, learning_rate))

    def _sharded_step(
        self, token_ids: tf.Tensor, loss_mask: tf.Tensor, num_targets: tf.Tensor, learning_rate: tf.Tensor
    ) -> StepSums:
        scale = self._optimizer.loss_scale / tf.maximum(num_targets, 1.0)
        shards = zip(
            *(tf.split(rows, self._num_shards, axis=1) for rows in (token_ids, loss_mask)), strict=True
        )
        seeds = [tf.convert_to_tensor(variable.value) for variable in self._seeds]
        # No data goes from one shard's call to another's, so that they run side by side.
        outcomes = [
            self._gradients(*rows, scale, [_seed_of_shard(seed, shard) for seed in seeds])
            for shard, rows in enumerate(shards)
        ]
        nll, gradients, after = zip(*outcomes, strict=True)
        for variable, seed in zip(self._seeds, after[0], strict=True):
            variable.assign(seed)
        total = [tf.add_n(values) for values in zip(*gradients, strict=True)]
        return StepSums(tf.add_n(list(nll)), self._optimizer.apply(total, learning_rate))

    def _distributed_step(
        self, token_ids: tf.Tensor, loss_mask: tf.Tensor, num_targets: tf.Tensor, learning_rate: tf.Tensor
    ) -> StepSums:
        strategy = self._strategy
        scale = self._optimizer.loss_scale / tf.maximum(num_targets, 1.0)

        def replica(token_ids: tf.Tensor, loss_mask: tf.Tensor, scale: tf.Tensor) -> Any:
            nll, gradients, _ = self._gradients(token_ids, loss_mask, scale, [])
            return tf.distribute.get_replica_context().all_reduce("sum", [nll, *gradients])

        nll, *gradients = strategy.run(replica, args=(token_ids, loss_mask, scale))
        norm = self._optimizer.apply(gradients, learning_rate)
        return StepSums(strategy.experimental_local_results(nll)[0], norm)

    def _sum_parts(
        self, token_ids: tf.Tensor, loss_mask: tf.Tensor, scale: tf.Tensor, seeds: list[tf.Tensor]
    ) -> tuple[tf.Tensor, list[tf.Tensor], list[tf.Tensor]]:
        """Sum of nll, the gradients of ``scale`` times the objective, added up over the parts, and the seeds
        to go on from. No seeds: those of the model itself, which then change."""
        variables = [variable.value for variable in self._model.trainable_variables]

        def part(token_ids: tf.Tensor, loss_mask: tf.Tensor, seeds: list[tf.Tensor]) -> Any:
            with _seeded(self._seeds, seeds) as after, tf.GradientTape() as tape:
                nll, objective = objective_sums(
                    self._model, token_ids, loss_mask, self._config.label_smoothing
                )
                scaled = objective * scale
            gradients = tape.gradient(scaled, variables, unconnected_gradients="zero")
            return nll, [tf.convert_to_tensor(gradient) for gradient in gradients], after

        num_parts = token_ids.shape[0]
        if num_parts == 1:
            return part(token_ids[0], loss_mask[0], seeds)

        def add(index: tf.Tensor, nll: tf.Tensor, sums: list[tf.Tensor], seeds: list[tf.Tensor]) -> Any:
            more, gradients, seeds = part(token_ids[index], loss_mask[index], seeds)
            return index + 1, nll + more, [a + b for a, b in zip(sums, gradients, strict=True)], seeds

        zeros = [tf.zeros(variable.shape, variable.dtype) for variable in variables]
        _, nll, gradients, seeds = tf.while_loop(
            lambda index, *_: index < num_parts,
            add,
            (tf.constant(0), tf.constant(0.0), zeros, seeds),
            parallel_iterations=1,
            maximum_iterations=num_parts,
        )
        return nll, gradients, seeds


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


def seed_states(model: CausalLM) -> list[keras.Variable]:
    """The variables from which dropout draws: what changes in training besides the weights."""
    weights = {id(variable) for variable in model.non_trainable_weights}
    return [variable for variable in model.non_trainable_variables if id(variable) not in weights]


@contextlib.contextmanager
def _seeded(variables: list[keras.Variable], seeds: list[tf.Tensor]) -> Iterator[list[tf.Tensor]]:
    """Within it, random numbers come from ``seeds`` in the place of ``variables``; the list that it gives
    holds, at its end, the seeds to go on from. Without seeds it does nothing."""
    after: list[tf.Tensor] = []
    if not seeds:
        yield after
        return
    with keras.StatelessScope(list(zip(variables, seeds, strict=True))) as scope:
        yield after
    after += [scope.get_current_value(variable) for variable in variables]


def _seed_of_shard(seed: tf.Tensor, shard: int) -> tf.Tensor:
    """A seed is ``(key, count)``; each shard counts from far away."""
    return seed + tf.constant([0, shard << 28], seed.dtype)


def _at(tensor: tf.Tensor, index: Any) -> tf.Tensor:
    """``tensor[index]``, on each replica where there are several."""
    strategy = tf.distribute.get_strategy()
    if strategy.num_replicas_in_sync == 1:
        return tensor[index]
    return strategy.run(lambda value: value[index], args=(tensor,))
