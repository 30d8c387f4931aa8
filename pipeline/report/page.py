"""From the contents of a report to its page: one HTML file with style, script and drawings inside."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from typing import Any

from markupsafe import Markup
from pydantic import BaseModel

from models.training import tags
from pipeline.config import PipelineConfig
from pipeline.report import templates
from pipeline.report.chart import Chart, Series, number, svg
from pipeline.report.contents import Contents, started
from pipeline.report.training_log import Sample, TrainingLog

_FIRST_TABLES = ("model", "training", "packing", "tokenizer", "corpus", "evaluation")
_CHARTS = (
    ("Loss", "nats per token", {"training": tags.TRAINING_LOSS, "validation": tags.VALIDATION_LOSS}),
    (
        "Bits per byte",
        "bits per byte of text",
        {"training": tags.TRAINING_BITS_PER_BYTE, "validation": tags.VALIDATION_BITS_PER_BYTE},
    ),
    ("Learning rate", "peak and decay of the schedule", {"": tags.LEARNING_RATE}),
    ("Gradient norm", "global L2 norm before clipping", {"": tags.GRADIENT_NORM}),
    ("Weight norm", "global L2 norm", {"": tags.WEIGHT_NORM}),
    ("Throughput", "tokens per second", {"": tags.TOKENS_PER_SECOND}),
    ("Step time", "milliseconds per optimizer step", {"": tags.STEP_TIME_MS}),
    ("Model FLOPs utilisation", "percent of peak", {"": tags.MFU_PERCENT}),
    ("Memory", "MB", {"host": tags.HOST_MEMORY_MB, "GPU 0": tags.GPU_MEMORY_MB.format(0)}),
)


@dataclasses.dataclass(frozen=True)
class Row:
    """A field and its value, in words."""

    name: str
    value: str
    is_changed: bool = False
    """Whether it differs from the default."""


def render(contents: Contents) -> str:
    """The whole page."""
    first, others = _configuration(contents.configuration)
    return templates.render(
        "page.html.j2",
        {"number": number, "duration": duration},
        started=started(contents.run.run_id),
        contents=contents,
        facts=list(_facts(contents)),
        charts=_charts(contents.training),
        prompts=_by_prompt(contents.training.samples),
        configuration=first,
        more_configuration=others,
        environment=list(_environment(contents.training)),
    )


def duration(seconds: float) -> str:
    """``75`` as ``1 min 15 s``."""
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if not minutes:
        return f"{rest} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"


def _charts(training: TrainingLog) -> list[tuple[str, str, Markup]]:
    """(title, unit, drawing) of those that have a curve."""
    drawn = []
    for title, unit, curves in _CHARTS:
        series = [Series(label, training.curves.get(tag, ())) for label, tag in curves.items()]
        drawing = svg(Chart(title, unit, series))
        if drawing:
            drawn.append((title, unit, Markup(drawing)))
    return drawn


def _facts(contents: Contents) -> Iterator[Row]:
    """The figures that one looks for first."""
    training, evaluation = contents.training, contents.run.evaluation
    if evaluation is not None:
        yield Row("bits per byte, test split", f"{evaluation.bits_per_byte:.3f}")
    points = training.curves.get(tags.VALIDATION_BITS_PER_BYTE)
    if points:
        step, best = min(points, key=lambda point: point[1])
        yield Row("bits per byte, best validation", f"{best:.3f} at step {step:,.0f}")
    if training.card is not None:
        yield Row("parameters", f"{training.card.num_parameters:,}")
    if tags.TRAINING_LOSS in training.curves:
        done = training.curves[tags.TRAINING_LOSS][-1][0]
        planned = (contents.configuration.get("training") or {}).get("num_steps")
        yield Row("steps", f"{done:,.0f}" + (f" of {planned:,}" if planned and planned != done else ""))
    speeds = [value for _, value in training.curves.get(tags.TOKENS_PER_SECOND, ())]
    if speeds:
        yield Row("tokens per second, median", f"{sorted(speeds)[len(speeds) // 2]:,.0f}")
    if contents.packing is not None and "train" in contents.packing.splits:
        train = contents.packing.total("train")
        yield Row("training text", f"{train.tokens:,} tokens of {train.documents:,} documents")
    if contents.executions and contents.outcome not in ("killed", "running"):
        start = contents.executions[0].started_s
        end = max(each.started_s + each.seconds for each in contents.executions)
        yield Row("the whole run took", duration(end - start))


def _by_prompt(samples: Sequence[Sample]) -> list[tuple[str, list[Sample]]]:
    """Prompt -> its samples, the last first."""
    found: dict[str, list[Sample]] = {}
    for sample in samples:
        found.setdefault(sample.prompt, []).insert(0, sample)
    return list(found.items())


def _environment(training: TrainingLog) -> Iterator[Row]:
    card = training.card
    if card is None:
        return
    yield Row("training began", card.started.replace("T", " "))
    if card.resumed_after is not None:
        yield Row("went on after step", f"{card.resumed_after:,}, with the run in {card.earlier}")
    yield from (Row(name, value) for name, value in card.environment.items())
    yield Row("peak", f"{card.peak_flops_per_second / 1e12:.3g} TFLOP/s: {card.peak_source}")
    yield Row("training needs", f"{number(card.flops_per_token)} FLOPs per token")


def _configuration(
    values: dict[str, Any],
) -> tuple[list[tuple[str, list[Row]]], list[tuple[str, list[Row]]]]:
    """(table, rows): those that say what the model is, and the others."""
    tables = {name: fields for name, fields in values.items() if isinstance(fields, dict)}
    first = [name for name in _FIRST_TABLES if name in tables]
    others = [name for name in tables if name not in _FIRST_TABLES]
    return [(n, _rows(n, tables[n])) for n in first], [(n, _rows(n, tables[n])) for n in others]


def _rows(table: str, fields: dict[str, Any]) -> list[Row]:
    declared = PipelineConfig.model_fields.get(table)
    known = getattr(declared.annotation, "model_fields", {}) if declared else {}

    def is_changed(name: str, value: Any) -> bool:
        if name not in known or known[name].is_required():
            return False
        default = known[name].get_default(call_default_factory=True)
        if isinstance(default, BaseModel):
            default = default.model_dump(mode="json")
        return bool(_words(value) != _words(default))

    return [Row(name, _words(value), is_changed(name, value)) for name, value in fields.items()]


def _words(value: Any) -> str:
    if value is None:
        return "(none)"
    if isinstance(value, (list, tuple)):
        return "\n".join(_words(item) for item in value) or "(empty)"
    if isinstance(value, dict):
        return ", ".join(f"{name} = {_words(item)}" for name, item in value.items() if item is not None)
    return repr(value) if isinstance(value, str) and not value.strip() else str(value)
