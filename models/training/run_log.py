"""What TensorBoard shows of a training run.

Everything that a run writes into its event files goes through `RunLog`; which scalars there are,
and what they mean, is in `models.training.tags`. Whatever a method has written is in the file when
it returns, so TensorBoard shows it while training runs, and a killed process loses nothing of it.

A run that goes on after a kill opens its log with ``resume_after``: what the killed process had
logged after that step is dropped, so that each curve has each step once, as in a run that was
never stopped.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from types import TracebackType

import numpy as np
import tensorflow as tf
from tensorboard.plugins.hparams import api_pb2, summary_v2
from tensorboard.plugins.hparams import metadata as hparams_metadata
from tensorboard.plugins.hparams import summary as hparams
from tensorboard.plugins.scalar.summary_v2 import scalar_pb
from tensorboard.plugins.text.summary_v2 import text_pb

from models.measures import LossSums
from models.training import event_files, kept_logs, memory, summaries, tags
from models.training.run_card import FILE, RunCard

_MB = 1e6


@dataclasses.dataclass(frozen=True)
class Window:
    """The steps since the log point before."""

    sums: LossSums
    num_steps: int
    """Of this process."""
    num_tokens: int
    """Targets of those steps. ``sums`` may hold more: those before a stop in the window's middle."""
    seconds: float
    """Of training alone: validations and what they write do not count."""
    learning_rate: float
    """Of the last step."""
    gradient_norm: float
    """Of the last step, before clipping."""
    weight_norm: float
    """After the last step."""


class RunLog:
    """Writes event files to one directory, which may be remote; a context manager.

    Args:
      directory: made when it is not there.
      resume_after: goes on after this step: later events of ``directory`` and ``earlier`` are dropped.
      earlier: the directory of the run that this one goes on with, when that is another.
    """

    def __init__(
        self, directory: str, *, resume_after: int | None = None, earlier: str | None = None
    ) -> None:
        self.directory = directory
        self._card: RunCard | None = None
        self._kept: set[str] = set()
        self._described: set[str] = set()
        self._resumed_after, self._earlier = resume_after, earlier
        if resume_after is not None:
            self._kept = event_files.keep_until(directory, resume_after)
            if earlier is not None and earlier.rstrip("/") != directory.rstrip("/"):
                self._kept |= event_files.carry(kept_logs.find(earlier), directory, resume_after)
        self._last_step = resume_after or 0
        self._writer = event_files.EventWriter(directory)

    def __enter__(self) -> RunLog:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._card is not None:
            status = api_pb2.STATUS_SUCCESS if kind is None else api_pb2.STATUS_FAILURE
            # After every step, so that a run that goes on with this one drops it.
            self._writer.write(self._last_step + 1, summaries.converted(hparams.session_end_pb(status)))
        self._writer.close()

    def begin(self, card: RunCard) -> None:
        """What the run is: its card, the configuration and environment as tables, its hyperparameters."""
        earlier = kept_logs.find(self._earlier) if self._earlier else None
        card = card.model_copy(update={"resumed_after": self._resumed_after, "earlier": earlier})
        self._card = card
        with tf.io.gfile.GFile(f"{self.directory}/{FILE}", "w") as file:
            file.write(card.model_dump_json(indent=2) + "\n")
        panels = [summaries.table("environment", [("", card.environment)], "What the process ran on.")]
        if hparams_metadata.SESSION_START_INFO_TAG not in self._kept:
            panels += [
                summaries.table(
                    "configuration", card.configuration.items(), "As the run was started, defaults included."
                ),
                summary_v2.hparams_pb(summaries.hyperparameters(card), trial_id=card.run_id or None),
                summaries.layout(),
            ]
        self._writer.write(self._last_step, *panels)

    def training(self, step: int, window: Window) -> None:
        """The training curves at ``step``, the last of the window's."""
        rate = window.num_tokens / window.seconds
        values = {
            tags.TRAINING_LOSS: window.sums.loss,
            tags.TRAINING_PERPLEXITY: window.sums.perplexity,
            tags.TRAINING_BITS_PER_BYTE: window.sums.bits_per_byte,
            tags.LEARNING_RATE: window.learning_rate,
            tags.GRADIENT_NORM: window.gradient_norm,
            tags.WEIGHT_NORM: window.weight_norm,
            tags.TOKENS_PER_SECOND: rate,
            tags.STEP_TIME_MS: 1000.0 * window.seconds / window.num_steps,
            tags.HOST_MEMORY_MB: memory.host_bytes() / _MB,
        }
        described = dict(tags.DESCRIPTIONS)
        if self._card is not None:
            peak = self._card.peak_flops_per_second
            values[tags.MFU_PERCENT] = 100.0 * rate * self._card.flops_per_token / peak
            described[tags.MFU_PERCENT] += f" Here {peak / 1e12:.3g} TFLOP/s: {self._card.peak_source}."
        for index, peak_bytes in enumerate(memory.gpu_peak_bytes()):
            tag = tags.GPU_MEMORY_MB.format(index)
            values[tag] = peak_bytes / _MB
            described[tag] = "The most that TensorFlow held of this GPU since the point before, in MB."
        self._scalars(step, values, described)

    def validation(self, step: int, sums: LossSums, samples: Mapping[str, str]) -> None:
        """The validation curves, and the text panel ``samples``: prompt -> continuation."""
        values = {
            tags.VALIDATION_LOSS: sums.loss,
            tags.VALIDATION_PERPLEXITY: sums.perplexity,
            tags.VALIDATION_BITS_PER_BYTE: sums.bits_per_byte,
        }
        self._scalars(step, values, tags.DESCRIPTIONS)
        texts = [
            text_pb(
                f"samples/{index}",
                summaries.preformatted(f"{prompt}⟶{text}"),
                "Prompt ⟶ greedy continuation.",
            )
            for index, (prompt, text) in enumerate(samples.items())
        ]
        self._writer.write(step, *texts)

    def histograms(self, step: int, group: str, arrays: Mapping[str, np.ndarray]) -> None:
        """The distribution of each array's values, under ``<group>/<name>``."""
        self._writer.write(
            step,
            *(summaries.histogram(f"{group}/{name}", array) for name, array in arrays.items() if array.size),
        )

    def _scalars(self, step: int, values: Mapping[str, float], described: Mapping[str, str]) -> None:
        """Points of curves, by tag. The description goes with the first, where TensorBoard looks for it."""
        points = [
            scalar_pb(tag, value, None if tag in self._described else described[tag])
            for tag, value in values.items()
        ]
        self._described.update(values)
        self._last_step = max(self._last_step, step)
        self._writer.write(step, *points)
