"""The training loop: compiled steps over packed rows, with validations, samples and checkpoints on the way.

A loop of our own rather than Keras' ``fit``: the loss is weighted by tokens over rows of
unequal length, and every step is a function of the settings, the rows and the state before it
alone. So a run that was killed goes on from its last checkpoint to the same weights and the same
curves, bit for bit on a CPU, as one that was not.
"""

from __future__ import annotations

import contextlib
import dataclasses
import datetime
import math
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import tensorflow as tf

from models import rows
from models.causal_lm import CausalLM
from models.config import TrainingConfig
from models.errors import TooFewRowsError, TrainingDivergedError
from models.measures import LossSums
from models.tokenizer import GraphTokenizer
from models.training import batches, cores, devices, divergence, row_store, strategy, validation
from models.training.checkpoints import CheckpointStore, Progress
from models.training.optimizer import AdamW
from models.training.profiler import StepProfiler
from models.training.run_card import RunCard
from models.training.run_log import RunLog, Window
from models.training.schedule import learning_rate
from models.training.step import TrainingStep, seed_states
from models.training.weight_histograms import WeightHistograms

ReportProgress = Callable[[str, int, int], None]
"""Called with a line to show, steps done, steps in all."""


@dataclasses.dataclass(frozen=True)
class TrainingResult:
    """What a finished training run amounts to."""

    num_steps: int
    """Steps made; fewer than configured when it stopped early."""
    num_tokens: int
    """Tokens predicted in training, those of repeated epochs included."""
    seconds: float
    """Of the loop, validations and samples included, over all processes that worked on the run."""
    validation: LossSums
    """Of the weights that the model now has."""
    exported_step: int
    """The step after which the model had these weights."""
    began_at: str
    """When the first process that worked on it began, in UTC: of a training that goes on where a shorter one
    ended, after that end."""


def train(
    model: CausalLM,
    tokenizer: GraphTokenizer,
    config: TrainingConfig,
    train_files: Sequence[str],
    eval_files: Sequence[str],
    log_directory: str,
    checkpoint_directory: str,
    report: ReportProgress,
    card: RunCard | None = None,
    notice: Callable[[str], None] | None = None,
) -> TrainingResult:
    """Trains ``model`` in place, or goes on where the newest checkpoint is.

    To be called under the scope of the strategy that the model was built under. Writes TensorBoard
    event files to ``log_directory``, and ``card``, what the run says of itself, beside them.
    ``notice`` is told what should stay in sight: where the run goes on, a damaged checkpoint, an early
    stop; without it, ``report`` is.

    Raises:
      TrainingDivergedError: the loss became NaN or infinite, or exploded.
      TooFewRowsError: a split holds no row.
      DevicesError: the batch cannot be spread over the devices.
      CheckpointError: the checkpoints are not of this model.
    """
    length, vocabulary_size = model.context_length, tokenizer.vocabulary_size()
    with tempfile.TemporaryDirectory(prefix="lexmill-rows-") as folder:
        store = row_store.build(train_files, length, vocabulary_size, folder)
        if not len(store):
            raise TooFewRowsError("the train split holds no rows: add text, or lower packing.sequence_length")
        evaluation = rows.evaluation_batches(eval_files, length, config.batch_size)
        held_out = list(evaluation.take(config.eval_batches))
        if not held_out:
            raise TooFewRowsError("the eval split holds no rows: add text or raise corpus.eval_percent")
        run = _Run(model, tokenizer, config, store, held_out, checkpoint_directory, report, notice)
        with run.open_log(log_directory) as log:
            if card is not None:
                log.begin(card)
            return run.finish(log)


class _Run:
    """One run's parts, and its progress."""

    def __init__(
        self,
        model: CausalLM,
        tokenizer: GraphTokenizer,
        config: TrainingConfig,
        store: row_store.RowStore,
        held_out: Sequence[rows.Batch],
        checkpoint_directory: str,
        report: ReportProgress,
        notice: Callable[[str], None] | None,
    ) -> None:
        self._model = model
        self._config = config
        self._report = report
        self._notice = notice or self._say
        self._held_out = held_out
        self._uniform_loss = math.log(tokenizer.vocabulary_size())
        self._variables = [variable.value for variable in model.trainable_variables]
        self._is_chief = strategy.is_chief(tf.distribute.get_strategy())
        jit_compile = devices.use_xla(config, model)
        optimizer = AdamW(config, model.trainable_variables, devices.is_float16(config))
        self._step_function = TrainingStep(
            model, optimizer, config, jit_compile, cores.num_shards(config.rows_per_part)
        )
        self._loss_function = validation.loss_function(model, jit_compile)
        self._sample = validation.sampler(model, tokenizer, config)
        self._batches = batches.StackReader(store, config)
        self._store = CheckpointStore(
            checkpoint_directory, [*_changing(model), *optimizer.state], lambda line: self._notice(line)
        )
        self._progress = Progress()  # What is said while a checkpoint is read comes with a step.
        self._progress = _begun(self._store.restore(config.num_steps) or self._progress, config.num_steps)
        self._resumed = self._progress.step
        self._seconds_before = self._progress.seconds
        self._started = time.monotonic()
        self._pending: list[tuple[Any, batches.StackOfRows]] = []
        self._norm = math.nan
        self._window_steps = self._window_tokens = 0
        self._histograms = WeightHistograms(model, held_out[0]) if config.histograms else None
        self._stopwatch = _Stopwatch()

    def open_log(self, directory: str) -> RunLog:
        """Where the curves go: a new log, or the one of the process that was stopped, cut after its
        last checkpoint."""
        earlier = self._progress.log_directory
        self._progress = self._with(log_directory=directory)
        if not self._is_chief:
            directory = tempfile.mkdtemp(prefix="lexmill-worker-log-")
        if not self._resumed:
            return RunLog(directory)
        self._notice(f"going on after step {self._resumed:,}, from {self._store.directory}")
        return RunLog(directory, resume_after=self._resumed, earlier=earlier)

    def finish(self, log: RunLog) -> TrainingResult:
        """Every step that is left; then the model has the weights to export."""
        config = self._config
        goes_on = self._goes_on()
        with (
            contextlib.closing(self._batches.from_step(self._progress.step)) as stacks,
            self._profiler(log.directory) as profiler,
        ):
            while goes_on and self._progress.step < config.num_steps:
                stack = next(stacks)
                with profiler.steps(stack.first_step, stack.first_step + stack.num_steps - 1):
                    self._pending.append((self._step_function(stack.tensors), stack))
                self._window_steps += stack.num_steps
                self._window_tokens += stack.num_targets
                step = self._progress.step + stack.num_steps
                self._progress = self._with(step=step)
                is_last = step == config.num_steps
                improved = False
                if is_last or step % config.log_every == 0:
                    self._log_window(log)
                if is_last or step % config.eval_every == 0:
                    self._read_pending()
                    with self._stopwatch.pause():
                        improved = self._validate(log)
                        goes_on = self._goes_on()
                if is_last or improved or not goes_on or step % config.checkpoint_every == 0:
                    self._read_pending()
                    with self._stopwatch.pause():
                        self._save()
        return self._settle()

    def _profiler(self, directory: str) -> StepProfiler:
        """Of the steps after the first log point, when all is compiled and warm."""
        num_steps = self._config.profile_steps if self._is_chief else 0
        return StepProfiler(directory, num_steps, self._resumed + self._config.log_every)

    def _goes_on(self) -> bool:
        patience = self._config.early_stopping
        if patience and self._progress.stale_validations >= patience:
            self._notice(f"stopped early: no better validation loss since step {self._progress.best_step:,}")
            return False
        return True

    def _read_pending(self) -> None:
        """Brings the outcomes of steps from the device into the progress, and stops a run gone wrong."""
        for sums, stack in self._pending:
            nll, norms = sums.nll.numpy().tolist(), sums.gradient_norm.numpy().tolist()
            self._norm = norms[-1]
            progress = self._progress
            window = progress.window + LossSums(sum(nll), stack.num_targets, stack.num_bytes)
            self._progress = self._with(window=window, num_tokens=progress.num_tokens + stack.num_targets)
            problem = divergence.problem(
                self._config, stack.first_step + 1, nll, norms, (window.loss, progress.first_loss),
                self._uniform_loss,
            )  # fmt: skip
            if problem is not None:
                raise TrainingDivergedError(problem)
        self._pending.clear()

    def _log_window(self, log: RunLog) -> None:
        self._read_pending()
        seconds = self._stopwatch.lap()
        step, sums = self._progress.step, self._progress.window
        window = Window(
            sums=sums,
            num_steps=self._window_steps,
            num_tokens=self._window_tokens,
            seconds=seconds,
            learning_rate=learning_rate(self._config, step - 1),
            gradient_norm=self._norm,
            weight_norm=float(tf.linalg.global_norm(self._variables)),
        )
        log.training(step, window)
        self._say(f"loss {sums.loss:.3f}, {self._window_tokens / seconds:,.0f} tokens/s")
        self._window_steps = self._window_tokens = 0
        first = self._progress.first_loss
        self._progress = self._with(window=LossSums(), first_loss=sums.loss if first is None else first)

    def _validate(self, log: RunLog) -> bool:
        """Whether this validation is the best so far."""
        step, best = self._progress.step, self._progress.best
        found = validation.loss_sums(self._loss_function, self._held_out)
        if not math.isfinite(found.loss):
            raise TrainingDivergedError(
                f"the validation loss is {found.loss} at step {step}: lower training.learning_rate "
                f"(now {self._config.learning_rate:g})"
            )
        log.validation(step, found, self._sample())
        if self._histograms is not None:
            self._histograms.write(log, step)
        if self._progress.best_step is None or found.loss < best.loss:
            self._progress = self._with(validation=found, best=found, best_step=step, stale_validations=0)
            return True
        stale = self._progress.stale_validations + 1
        self._progress = self._with(validation=found, stale_validations=stale)
        return False

    def _save(self) -> None:
        seconds = self._seconds_before + time.monotonic() - self._started
        self._progress = self._with(seconds=seconds)
        if self._is_chief:
            self._store.save(self._progress)

    def _settle(self) -> TrainingResult:
        """Puts the best weights into the model where those are wanted."""
        progress, held_out, exported = self._progress, self._progress.validation, self._progress.step
        wants_best = self._config.export_weights == "best" and progress.best_step != progress.step
        if wants_best and progress.best_step is not None:
            self._store.load(progress.best_step)
            held_out, exported = progress.best, progress.best_step
        return TrainingResult(
            progress.step, progress.num_tokens, progress.seconds, held_out, exported, progress.began_at
        )

    def _with(self, **values: Any) -> Progress:
        return self._progress.model_copy(update=values)

    def _say(self, line: str) -> None:
        self._report(line, self._progress.step, self._config.num_steps)


def _begun(progress: Progress, num_steps: int) -> Progress:
    """With the time of now, unless it is of this very training, which then began earlier."""
    if progress.began_at and progress.num_steps == num_steps:
        return progress
    now = datetime.datetime.now(datetime.timezone.utc).isoformat()
    return progress.model_copy(update={"num_steps": num_steps, "began_at": now})


class _Stopwatch:
    """Seconds spent on training steps since the last lap; what runs under `pause` does not count."""

    def __init__(self) -> None:
        self._started = time.monotonic()

    @contextlib.contextmanager
    def pause(self) -> Iterator[None]:
        paused = time.monotonic()
        yield
        self._started += time.monotonic() - paused

    def lap(self) -> float:
        now = time.monotonic()
        seconds, self._started = now - self._started, now
        return seconds


def _changing(model: CausalLM) -> list[tf.Variable]:
    """What training changes in a model: its trainable variables, and the state of random numbers.
    Frozen weights come from the preset again."""
    return [variable.value for variable in (*model.trainable_variables, *seed_states(model))]
