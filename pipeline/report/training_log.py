"""The curves, samples and card of a training run, from its event files."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from tensorboard.util import tensor_util

from models.training import event_files, run_card
from models.training.run_card import RunCard
from pipeline.report.chart import Point

_SAMPLES = "samples/"
_INDENT = "    "


@dataclasses.dataclass(frozen=True)
class Sample:
    """What the model wrote at a validation."""

    step: int
    prompt: str
    text: str


@dataclasses.dataclass(frozen=True)
class TrainingLog:
    """What a folder of event files holds."""

    card: RunCard | None
    curves: dict[str, list[Point]]
    """Tag -> (step, value), each step once."""
    samples: list[Sample]
    seconds: float
    """Between the first event and the last."""

    def last(self, tag: str) -> float | None:
        points = self.curves.get(tag)
        return points[-1][1] if points else None


EMPTY = TrainingLog(card=None, curves={}, samples=[], seconds=0.0)


def read(folder: Path) -> TrainingLog:
    """Reads a folder of event files; one that is not there is an empty log."""
    curves: dict[str, dict[int, float]] = {}
    samples: dict[tuple[int, str], Sample] = {}
    times = []
    for event in event_files.read(str(folder)):
        times.append(event.wall_time)
        for value in event.summary.value:
            if value.tag.startswith(_SAMPLES):
                text = tensor_util.make_ndarray(value.tensor).item().decode(errors="replace")
                samples[event.step, value.tag] = _sample(event.step, text)
            elif value.metadata.plugin_data.plugin_name == "scalars":
                curves.setdefault(value.tag, {})[event.step] = tensor_util.make_ndarray(value.tensor).item()
    return TrainingLog(
        card=run_card.read(str(folder)),
        curves={tag: sorted(points.items()) for tag, points in curves.items()},
        samples=[samples[key] for key in sorted(samples)],
        seconds=times[-1] - times[0] if times else 0.0,
    )


def _sample(step: int, shown: str) -> Sample:
    """From the text panel: indented lines, the prompt before the arrow."""
    text = "\n".join(line.removeprefix(_INDENT) for line in shown.split("\n"))
    prompt, _, continuation = text.partition("⟶")
    return Sample(step, prompt, continuation)
