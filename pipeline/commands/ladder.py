"""``lexmill ladder``."""

from __future__ import annotations

import time
import traceback
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from rich.table import Table

from pipeline import quiet, samples
from pipeline.config import PipelineConfig, load
from pipeline.ladder.rungs import rungs
from pipeline.run_id import new_run_id
from pipeline.terminal import RunDisplay

if TYPE_CHECKING:
    from components.emergence_report.prediction import Outcome
    from components.emergence_report.report import EmergenceReading
    from pipeline.ladder.running import LadderOutcome

DONE, FAILED, UNPREDICTED = 0, 1, 3
PAGE = "emergence.html"
_GATE = "ladder.require_prediction_within"


class LadderDisplay(RunDisplay):
    """Shows a line for each stage that did something, under a line for each rung."""

    def begin(self, title: str, left_s: float | None) -> None:
        left = "" if left_s is None else f" (about {_duration(left_s)} left in all)"
        self.say(f"{title}{left}", style="bold")

    def failed(self, message: str) -> None:
        self.fail(message)

    def finish(self, seconds: float, cached: bool, result: str | None = None) -> None:
        if cached or is_importer(self._stage):
            self._end_task()
        else:
            super().finish(seconds, cached, result)


def is_importer(stage: str) -> bool:
    """Whether a stage only looks up what an earlier run has made (`pipeline.ladder.graph`)."""
    return stage.startswith(("rung-", "prediction-"))


def run_ladder(config_name: str, overrides: Sequence[str], output: str | None) -> int:
    """Runs the ladder and tells the terminal; returns the exit status."""
    config = load(config_name, overrides)
    rungs(config)  # What is wrong with it, before anything is loaded.
    if config.corpus.sample:
        samples.prepare(config.corpus.sample, Path(config.corpus.path))
    log_file = Path(config.root) / "ladder" / f"{new_run_id()}.log"
    with quiet.libraries_write_to(log_file) as terminal:
        return _run(config, log_file, terminal, output)


def _run(config: PipelineConfig, log_file: Path, terminal: TextIO, output: str | None) -> int:
    started = time.monotonic()
    display = LadderDisplay(terminal)
    with display:
        display.say(f"{config.name}: a ladder on {config.corpus.path}; log: {log_file}")
        display.start("start", "loading TensorFlow and TFX")
        try:
            from pipeline.ladder import running

            outcome = running.run(config, display)
        except Exception as error:
            from pipeline.failures import explain

            display.fail(
                explain(error) or f"{type(error).__name__}: see {log_file}\n{traceback.format_exc()}"
            )
            return FAILED
        reading = _tell(config, outcome, display, output) if outcome.report else None
        for failure in outcome.failures:
            display.say(f"failed: {failure}", style="red")
        display.say(f"ladder: {_duration(time.monotonic() - started)}")
        if outcome.failures or reading is None:
            return FAILED
        missed = list(_missed(config, reading))
        for line in missed:
            display.say(line, style="red")
        return UNPREDICTED if missed else DONE


def _tell(
    config: PipelineConfig, outcome: LadderOutcome, display: LadderDisplay, output: str | None
) -> EmergenceReading:
    """Writes the page, the picture and the tables, and tells what is in them."""
    from components.emergence_report import report, table
    from pipeline.report import emergence_markdown, emergence_page, emergence_picture

    reading = report.read(str(outcome.report))
    page = Path(output) if output else Path(config.root) / "ladder" / PAGE
    page.parent.mkdir(parents=True, exist_ok=True)
    page.write_text(emergence_page.render(config, reading, outcome.failures), encoding="utf-8")
    picture = page.with_name(emergence_picture.FILE)
    picture.write_text(emergence_picture.render(reading), encoding="utf-8")
    tables = page.with_name(emergence_markdown.FILE)
    tables.write_text(emergence_markdown.render(reading), encoding="utf-8")
    copy = page.with_name(table.FILE)
    copy.write_bytes(Path(str(outcome.report), table.FILE).read_bytes())
    display.show(_scores(reading))
    for task in reading.tasks:
        display.say(f"{task.label}, {task.family}: {task.verdict}. {task.reason}")
    for each in reading.outcomes:
        display.say(_prediction(each))
    display.say(f"report:  {page}\npicture: {picture}\ntable:   {copy}\ntext:    {tables}")
    return reading


def _scores(reading: EmergenceReading) -> Table:
    """A line for each model."""
    table = Table("model", "seed", "N", "D", "C = 6ND", "loss", *reading.labels)
    points = {(task.family, point.rung, task.label): point for task in reading.tasks for point in task.points}
    seen: dict[tuple[str, str], int] = {}
    for record in reading.records:
        index = seen.setdefault((record.family, record.name), 0)
        seen[record.family, record.name] += 1
        scores = []
        for label in reading.labels:
            point = points.get((record.family, record.name, label))
            scores.append(f"{point.by_seed[index]:.0%}" if point and index < len(point.by_seed) else "")
        table.add_row(
            f"{record.family} {record.name}", str(record.seed), f"{record.num_parameters:,}",
            f"{record.num_tokens:,}", f"{record.compute:.2e}", f"{record.loss:.3f}", *scores,
        )  # fmt: skip
    return table


def _prediction(outcome: Outcome) -> str:
    predicted = outcome.prediction
    when = "before it was trained" if outcome.was_before else "AFTER it was trained: it proves nothing"
    return (
        f"predicted {when}: {predicted.family} {predicted.name}, loss {predicted.loss.value:.3f} "
        f"({predicted.loss.low:.3f} to {predicted.loss.high:.3f}), found {outcome.loss:.3f}; "
        f"{outcome.hits} of {len(outcome.tasks)} tasks within their intervals"
    )


def _missed(config: PipelineConfig, reading: EmergenceReading) -> Iterator[str]:
    """Why the gate is shut, a line each."""
    bound = config.ladder.require_prediction_within
    if bound is None:
        return
    for family in dict.fromkeys(record.family for record in reading.records):
        outcome = next((each for each in reading.outcomes if each.prediction.family == family), None)
        if outcome is None:
            yield f"{_GATE}: {family}: nothing was predicted: it takes three smaller rungs"
        elif not outcome.was_before:
            yield f"{_GATE}: {family}: the prediction was made after training"
        elif outcome.loss_error > bound:
            yield (
                f"{_GATE}: {family}: the predicted loss is {outcome.loss_error:.1%} off, "
                f"at most {bound:.1%} allowed"
            )


def _duration(seconds: float) -> str:
    from pipeline.report.page import duration

    return duration(seconds)
