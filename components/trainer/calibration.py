"""How fast this machine trains a model: a short run of the real training loop, with a clock.

The loop runs on the run's own rows, with its own step, validation and samples, and is timed from outside
by the first progress line at each step. With ``n`` steps between two lines it makes ``4 n`` steps and
validates twice:

    start |-- n --| line 1 |-- n --| line 2 | validation |-- n --| line 3 |-- n --| line 4 | validation | end

Line 1 comes after the rows are read and the step is compiled, so what is left of its time is what
starting costs; the first validation is also compiled, the second is not. A pair of lines without a
compilation between them gives the step's time; the faster of the two pairs counts, as other work on the
machine only ever slows a step down.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Sequence

from components.trainer.settings import TrainerSettings
from models.config import Settings

_LINES = 4


class Speed(Settings):
    """Seconds that the parts of a training run take."""

    start_s: float
    """Before the first step: reading rows, compiling."""
    step_s: float
    first_validation_s: float
    """With its compilation, samples and checkpoint."""
    validation_s: float
    """Each of those after the first."""

    def training_s(self, num_steps: int, num_validations: int) -> float:
        """Of a whole run of the loop."""
        validations_s = self.first_validation_s + (num_validations - 1) * self.validation_s
        return self.start_s + num_steps * self.step_s + validations_s

    def steps_within(self, seconds: float, num_validations: int) -> int:
        """How many steps leave room for the rest; 0 when nothing does."""
        return max(0, int((seconds - self.training_s(0, num_validations)) / self.step_s))


def measure(
    settings: TrainerSettings,
    tokenizer_content: bytes,
    train_files: Sequence[str],
    eval_files: Sequence[str],
    steps_per_line: int,
) -> Speed:
    """Trains for ``4 * steps_per_line`` steps and forgets the model."""
    import keras

    from models import causal_lm
    from models.tokenizer import GraphTokenizer
    from models.training import devices, loop, strategy

    training = settings.training.model_copy(
        update={
            "num_steps": _LINES * steps_per_line,
            "log_every": steps_per_line,
            "eval_every": 2 * steps_per_line,
            "checkpoint_every": 2 * steps_per_line,
            "early_stopping": 0,
            "learning_rate": min(settings.training.learning_rate, 1e-4),
        }
    )
    done_to_time: dict[int, float] = {}

    def note(line: str, done: int, total: int) -> None:
        done_to_time.setdefault(done, time.monotonic())

    distribution = strategy.choose(os.environ)
    devices.prepare(training)
    tokenizer = GraphTokenizer(tokenizer_content)
    with tempfile.TemporaryDirectory(prefix="lexmill-calibration-") as folder, distribution.scope():
        model = causal_lm.build(settings.model, tokenizer.vocabulary_size(), settings.sequence_length)
        started = time.monotonic()
        loop.train(
            model,
            tokenizer,
            training,
            train_files,
            eval_files,
            f"{folder}/log",
            f"{folder}/checkpoints",
            note,
        )
        ended = time.monotonic()
    keras.backend.clear_session()
    lines = [done_to_time[line * steps_per_line] for line in range(1, _LINES + 1)]
    return from_times(started, lines, ended, steps_per_line)


def from_times(started: float, lines: Sequence[float], ended: float, steps_per_line: int) -> Speed:
    """The arithmetic: times of the loop's start, of its progress lines, and of its end."""
    first, second, third, fourth = lines
    step_s = min(second - first, fourth - third) / steps_per_line
    steps_s = step_s * steps_per_line
    return Speed(
        start_s=max(0.0, first - started - steps_s),
        step_s=step_s,
        first_validation_s=max(0.0, third - second - steps_s),
        validation_s=ended - fourth,
    )
