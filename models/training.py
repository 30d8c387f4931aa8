"""The training loop: a compiled step over packed rows, with validation and samples on the way.

A loop of our own rather than Keras' ``fit``: the loss is weighted by tokens over rows of
unequal length, gradient norms and bits per byte are logged, and the order of data and
random numbers is the step's affair alone. The model, optimizer, schedule and dtype
policies are Keras'.
"""

from __future__ import annotations

import dataclasses
import itertools
import math
import time
from collections.abc import Callable, Sequence
from typing import Any

import keras
import tensorflow as tf

from models import devices, rows, scoring
from models.causal_lm import CausalLM
from models.config import TrainingConfig
from models.errors import TooFewRowsError, TrainingDivergedError
from models.export import ServedLanguageModel, default_inputs
from models.generation import plain_slice_update
from models.measures import LossSums
from models.optimizer import build_optimizer
from models.tensorboard import RunLog
from models.tokenizer import GraphTokenizer

ReportProgress = Callable[[str, int, int], None]
"""Called with a line to show, steps done, steps in all."""


@dataclasses.dataclass(frozen=True)
class TrainingResult:
    """What a finished training run amounts to."""

    num_steps: int
    num_tokens: int
    """Tokens predicted in training, those of repeated epochs included."""
    seconds: float
    """Of the loop, validations and samples included."""
    training: LossSums
    """Over the steps since the log point before the last."""
    validation: LossSums


def train(
    model: CausalLM,
    tokenizer: GraphTokenizer,
    config: TrainingConfig,
    train_files: Sequence[str],
    eval_files: Sequence[str],
    log_directory: str,
    report: ReportProgress,
) -> TrainingResult:
    """Trains ``model`` in place and writes TensorBoard event files to ``log_directory``.

    Raises:
      TrainingDivergedError: the loss became NaN or infinite.
      TooFewRowsError: a split holds no row.
    """
    length = model.context_length
    batches = rows.training_batches(train_files, length, config.batch_size, config.seed)
    evaluation = list(
        rows.evaluation_batches(eval_files, length, config.batch_size).take(config.eval_batches)
    )
    if not evaluation:
        raise TooFewRowsError("the eval split holds no rows: add text or raise corpus.eval_percent")
    optimizer = build_optimizer(config, model.trainable_variables)
    step_function = _training_step(model, optimizer, devices.use_xla(config))
    loss_function = _loss_function(model, devices.use_xla(config))
    sample = _sampler(model, tokenizer, config)

    window = _Window()
    num_tokens = 0.0
    started = time.monotonic()
    validation = LossSums()
    with RunLog(log_directory) as log:
        batch_iterator = itertools.islice(batches, config.num_steps)
        for step, batch in enumerate(batch_iterator, start=1):
            window.add(step_function(batch.token_ids), batch)
            is_last = step == config.num_steps
            if step % config.log_every == 0 or is_last:
                sums, gradient_norm, seconds = window.close(step)
                num_tokens += sums.num_tokens
                speed = sums.num_tokens / seconds
                log.losses("training", sums, step)
                log.scalars(
                    step,
                    {
                        "training/learning_rate": float(keras.ops.convert_to_numpy(optimizer.learning_rate)),
                        "training/gradient_norm": gradient_norm,
                        "training/tokens_per_second": speed,
                    },
                )
                report(f"loss {sums.loss:.3f}, {speed:,.0f} tokens/s", step, config.num_steps)
            if step % config.eval_every == 0 or is_last:
                validation = _validate(loss_function, evaluation)
                log.losses("validation", validation, step)
                log.samples(step, sample())
                window.restart_clock()
        if num_tokens == 0.0:
            raise TooFewRowsError("the train split holds no rows: add text, or lower packing.sequence_length")
    return TrainingResult(config.num_steps, int(num_tokens), time.monotonic() - started, sums, validation)


class _Window:
    """The steps since the last log point. Their losses stay on the device until it is read."""

    def __init__(self) -> None:
        self._pending: list[tuple[tf.Tensor, tf.Tensor, tf.Tensor]] = []
        self._num_bytes: list[tf.Tensor] = []
        self._started = time.monotonic()

    def restart_clock(self) -> None:
        self._started = time.monotonic()

    def add(self, outcome: tuple[tf.Tensor, tf.Tensor, tf.Tensor], batch: rows.Batch) -> None:
        self._pending.append(outcome)
        self._num_bytes.append(batch.num_bytes)

    def close(self, step: int) -> tuple[LossSums, float, float]:
        """Sums, the last gradient norm and seconds of the window; starts the next one."""
        nll = sum(float(nll) for nll, _, _ in self._pending)
        num_tokens = sum(float(weight) for _, weight, _ in self._pending)
        sums = LossSums(nll, num_tokens, float(sum(values.numpy().sum() for values in self._num_bytes)))
        norm = float(self._pending[-1][2])
        if not math.isfinite(nll):
            raise TrainingDivergedError(
                f"the loss is {nll} at step {step} (gradient norm {norm:.3g}): lower training.learning_rate, "
                "lengthen training.warmup_fraction, or use training.precision = 'float32'"
            )
        seconds = time.monotonic() - self._started
        self._pending.clear()
        self._num_bytes.clear()
        self.restart_clock()
        return sums, norm, seconds


def _training_step(model: CausalLM, optimizer: keras.optimizers.Optimizer, jit_compile: bool) -> Any:
    """``(batch, length + 1)`` ids to (sum of nll, number of tokens, global gradient norm)."""

    @tf.function(jit_compile=jit_compile, reduce_retracing=True)
    def step(token_ids: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        with tf.GradientTape() as tape:
            nll, weights = scoring.token_nll(model, token_ids, training=True)
            total, num_tokens = tf.reduce_sum(nll), tf.reduce_sum(weights)
            loss = total / tf.maximum(num_tokens, 1.0)
            scaled = optimizer.scale_loss(loss)
        gradients = tape.gradient(scaled, model.trainable_variables)
        optimizer.apply(gradients, model.trainable_variables)
        return total, num_tokens, tf.linalg.global_norm(gradients) * loss / scaled

    return step


def _loss_function(model: CausalLM, jit_compile: bool) -> Any:
    @tf.function(jit_compile=jit_compile, reduce_retracing=True)
    def losses(token_ids: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        nll, weights = scoring.token_nll(model, token_ids)
        return tf.reduce_sum(nll), tf.reduce_sum(weights)

    return losses


def _validate(loss_function: Any, batches: Sequence[rows.Batch]) -> LossSums:
    outcomes = [loss_function(batch.token_ids) for batch in batches]
    return LossSums(
        sum(float(nll) for nll, _ in outcomes),
        sum(float(weight) for _, weight in outcomes),
        sum(float(tf.reduce_sum(batch.num_bytes)) for batch in batches),
    )


def _sampler(
    model: CausalLM, tokenizer: GraphTokenizer, config: TrainingConfig
) -> Callable[[], dict[str, str]]:
    """Continues the configured prompts greedily: the text that the exported model will give."""
    module = ServedLanguageModel(model, tokenizer)
    generate = tf.function(module.generate, autograph=False)
    inputs = default_inputs(list(config.sample_prompts), max_new_tokens=config.sample_tokens, temperature=0.0)
    tensors = {name: tf.constant(value) for name, value in inputs.items()}

    def sample() -> dict[str, str]:
        with plain_slice_update():
            texts = generate(**tensors)["text"].numpy()
        return {
            prompt: text.decode(errors="replace")
            for prompt, text in zip(config.sample_prompts, texts, strict=True)
        }

    return sample
