"""Runs a ladder: each rung from the least compute to the most, predictions before the largest, the report.

Each rung is a run of the pipeline of its own. What a run before has made comes from TFX's cache, and a
training that was stopped goes on from its checkpoint, so the same command again does what is missing. A rung
that fails is told and left out; the others go on. One lock is held over all of it.
"""

from __future__ import annotations

import dataclasses
import datetime
import statistics
import time
from collections.abc import Sequence
from functools import partial
from typing import Protocol

from components.emergence_report import power_law
from components.rung_recorder import record
from pipeline import history, local
from pipeline.config import PipelineConfig
from pipeline.failures import explain
from pipeline.ladder import graph
from pipeline.ladder.rungs import Rung, largest, rungs
from pipeline.run_id import new_run_id


@dataclasses.dataclass(frozen=True)
class RungOutcome:
    """What became of a rung."""

    rung: Rung
    run_id: str
    seconds: float
    uri: str | None
    """Folder of its record; None where it failed."""
    failure: str | None = None


@dataclasses.dataclass(frozen=True)
class LadderOutcome:
    """What became of a ladder."""

    rungs: tuple[RungOutcome, ...]
    predictions: tuple[str, ...]
    """Folders."""
    report: str | None
    """Folder; None where no rung was recorded."""
    failures: tuple[str, ...]
    """Of rungs, predictions and the report: a line each."""


class Observer(local.Observer, Protocol):
    """Told what the ladder is doing."""

    def begin(self, title: str, left_s: float | None) -> None:
        """A rung, a prediction or the report begins; ``left_s``: how long all that is left will take."""

    def failed(self, message: str) -> None: ...


def run(config: PipelineConfig, observer: Observer) -> LadderOutcome:
    """Runs what is missing.

    Raises:
      ConfigError: the ladder has no rungs, or two alike.
      RunInProgressError: another process runs this pipeline or a ladder of it.
    """
    found = rungs(config)
    with local.only_run(config):
        return _Ladder(config, found, observer).run()


class _Ladder:
    """A run's progress."""

    def __init__(self, config: PipelineConfig, found: Sequence[Rung], observer: Observer) -> None:
        self._config = config
        self._rungs = found
        self._observer = observer
        self._began_at = datetime.datetime.now(datetime.timezone.utc).isoformat()
        self._done: list[RungOutcome] = []
        self._records: dict[str, record.RungRecord] = {}
        self._predictions: list[str] = []
        self._failures: list[str] = []

    def run(self) -> LadderOutcome:
        targets, predicted = largest(list(self._rungs)), set()
        for index, rung in enumerate(self._rungs):
            if targets[rung.family] == rung.name and rung.family not in predicted:
                predicted.add(rung.family)
                self._predict(rung)
            self._observer.begin(f"rung {index + 1} of {len(self._rungs)}: {rung.label}", self._left_s(index))
            self._done.append(self._run_rung(rung))
        return LadderOutcome(
            tuple(self._done), tuple(self._predictions), self._report(), tuple(self._failures)
        )

    def _run_rung(self, rung: Rung) -> RungOutcome:
        run_id, started = new_run_id(), time.monotonic()
        create = partial(graph.create_rung, rung, self._config.ladder.push)
        uri = self._stages(rung.config, run_id, create, (graph.RECORDER, "rung"), rung.label)
        if uri is not None:
            self._records[uri] = record.read(uri)
        _forget_models()
        failure = self._failures[-1] if uri is None else None
        return RungOutcome(rung, run_id, time.monotonic() - started, uri, failure)

    def _predict(self, target: Rung) -> None:
        """Where there are smaller rungs enough; before any model of the target is trained."""
        smaller = [
            each for each in self._done
            if each.uri and each.rung.family == target.family and each.rung.compute < target.compute
        ]  # fmt: skip
        if len({each.rung.compute for each in smaller}) < power_law.LEAST_POINTS:
            return
        title = f"the prediction of {target.family} {target.name}"
        self._observer.begin(title, None)
        uris = [str(each.uri) for each in smaller]
        create = partial(graph.create_prediction, self._config, uris, target.name, target.compute)
        uri = self._stages(self._config, new_run_id(), create, (graph.PREDICTOR, "prediction"), title)
        if uri is not None:
            self._predictions.append(uri)

    def _report(self) -> str | None:
        uris = [each.uri for each in self._done if each.uri]
        if not uris:
            return None
        self._observer.begin("the report", None)
        create = partial(graph.create_report, self._config, uris, self._predictions)
        return self._stages(self._config, new_run_id(), create, (graph.REPORTER, "report"), "the report")

    def _stages(
        self, config: PipelineConfig, run_id: str, create: local.Create, output: tuple[str, str], what: str
    ) -> str | None:
        """The folder of ``output``; None where a stage failed, which is then told."""
        try:
            local.run_stages(config, run_id, self._observer, create)
            return history.output_uris(config, run_id)[output]
        except Exception as error:
            line = explain(error) or f"{type(error).__name__}: {error}"
            self._failures.append(f"{what}: {line}")
            self._observer.failed(line)
            return None

    def _left_s(self, index: int) -> float | None:
        """From the models trained in this run: a training takes a time to start, and its `_work` at a rate;
        its rung, a time besides. None until one was twice another's work, which tells the first two apart,
        and where a rung goes on from the one before, whose time its own then holds."""
        if self._config.training.goes_on_from_shorter:
            return None
        trained = [
            (self._records[each.uri], each.seconds) for each in self._done
            if each.uri and self._records[each.uri].recorded_at > self._began_at
        ]  # fmt: skip
        works = [_work(found.num_parameters, found.num_tokens) for found, _ in trained]
        if not works or max(works) < 2.0 * min(works):
            return None
        rate, start_s = statistics.linear_regression(works, [found.training_seconds for found, _ in trained])
        # The first rung's time has that of the data stages, too.
        besides_s = statistics.median_low(seconds - found.training_seconds for found, seconds in trained)
        left = [_work(rung.num_parameters, rung.num_tokens) for rung in self._rungs[index:]]
        return sum(max(0.0, start_s + rate * work) + besides_s for work in left)


def _work(num_parameters: int, num_tokens: int) -> float:
    """What time is about proportional to: a token of a small model costs its ops' calls, and of a large one
    its FLOPs; on a CPU, between 10,000 and a million parameters, about the root of their number."""
    return float(num_tokens) * float(num_parameters) ** 0.5


def _forget_models() -> None:
    """Keras keeps what it built until it is told otherwise."""
    import gc

    import keras

    keras.backend.clear_session()
    gc.collect()
