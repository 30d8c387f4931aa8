"""From an evaluation to the page of ``lexmill evaluate --html``."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

from markupsafe import Markup, escape

from models.prediction_measures import METRICS, OVERALL
from pipeline.data.row_text import quote
from pipeline.evaluation.evaluation import Evaluation, Score
from pipeline.evaluation.figures import between, change, number
from pipeline.evaluation.generation import Quality, Sample
from pipeline.report import task_lines, templates
from pipeline.report.intervals import interval_bar, reliability
from pipeline.report.page import Row

_BITS_PER_BYTE = "bits_per_byte"
_SHOWN_SAMPLES = 6
_DEFINITIONS = {
    "loss": "nats per token",
    "perplexity": "exp of the loss",
    "bits_per_byte": "of text; comparable between tokenizers",
    "byte_perplexity": "2 to the power of bits per byte",
    "accuracy": "share of tokens to which the model gave the greatest probability",
    "brier": "squared error of the next token's distribution, 0 to 2",
    "calibration_error": "how far confidence is from accuracy, over 15 bins",
}


@dataclasses.dataclass(frozen=True)
class Line:
    """A row of a table: a name, a note on it, figures in words, and a drawing."""

    name: str
    note: str
    figures: tuple[str, ...]
    drawing: str = ""


@dataclasses.dataclass(frozen=True)
class Group:
    """The slices of one kind."""

    kind: str
    lines: list[Line]


def render(measured: Evaluation) -> str:
    """The whole page."""
    judgement = measured.judgement
    return templates.render(
        "evaluation.html.j2",
        {"quoted": lambda text: quote(text.encode())},
        label=measured.subject.model.label,
        measured_on=measured.measured_on,
        compared=measured.compared,
        judgement=judgement,
        facts=list(_facts(measured)),
        metrics=list(_metrics(measured.scores[OVERALL])),
        groups=list(_slices(measured)),
        calibration=Markup(reliability(measured.reliability)) if measured.reliability is not None else "",
        error=_error(measured),
        qualities=list(_qualities(measured.qualities)),
        searched=measured.searched,
        tasks=list(task_lines.tables(measured.tasks, measured.previous_tasks)) if measured.tasks else [],
        task_failures=measured.tasks.failures if measured.tasks else (),
        samples=[
            (quality.way, [_marked(each) for each in _chosen(quality)]) for quality in measured.qualities
        ],
    )


def _facts(measured: Evaluation) -> Iterator[Row]:
    content = measured.subject.model.manifest
    overall = measured.scores[OVERALL]
    yield Row("bits per byte", number(overall[_BITS_PER_BYTE].value))
    yield Row("perplexity", number(overall["perplexity"].value))
    if "accuracy" in overall:
        yield Row("tokens guessed right", f"{overall['accuracy'].value:.1%}")
    yield Row("measured on", f"{measured.tokens[OVERALL]:,} tokens, {measured.num_bytes:,} bytes")
    yield Row("model", f"{content.model.family}, {content.num_parameters:,} parameters")
    yield Row("trained on", f"{content.training_tokens:,} tokens")


def _metrics(scores: dict[str, Score]) -> Iterator[Line]:
    for metric in METRICS:
        if metric in scores:
            score = scores[metric]
            previous = "-" if score.previous is None else number(score.previous)
            figures = (
                number(score.value), between(score.interval), number(score.chance), previous, change(score),
            )  # fmt: skip
            yield Line(_words(metric), _DEFINITIONS[metric], figures)


def _slices(measured: Evaluation) -> Iterator[Group]:
    """By kind; the drawings of all have one scale."""
    scores = {name: found[_BITS_PER_BYTE] for name, found in measured.scores.items()}
    ends = [end for score in scores.values() for end in (*score.interval, score.previous) if end is not None]
    scale = (min(ends), max(ends))
    kinds: dict[str, list[Line]] = {}
    for name in [name for name in scores if name != OVERALL]:
        kind, _, value = name.partition(":")
        found = measured.scores[name]
        others = ("perplexity", "accuracy", "calibration_error")
        figures = [f"{measured.tokens[name]:,}", number(scores[name].value), between(scores[name].interval)]
        figures += [number(found[metric].value) if metric in found else "-" for metric in others]
        figures.append(change(scores[name]))
        is_small = measured.tokens[name] < measured.subject.config.evaluation.min_slice_tokens
        note = "too few tokens to block" if is_small else ""
        kinds.setdefault(kind, []).append(Line(value, note, tuple(figures), _drawing(scores[name], scale)))
    yield from (Group(kind, lines) for kind, lines in kinds.items())


def _drawing(score: Score, scale: tuple[float, float]) -> Markup:
    marks = [] if score.previous is None else [(score.previous, "c1", "previous")]
    return Markup(interval_bar(score.value, score.interval, scale, marks))


def _error(measured: Evaluation) -> str:
    score = measured.scores[OVERALL].get("calibration_error")
    return f"{number(score.value)} ({between(score.interval)})" if score else ""


def _qualities(qualities: list[Quality]) -> Iterator[Line]:
    for quality in qualities:
        run, median = "-", "-"
        if quality.longest_run is not None and quality.median_run is not None:
            run = f"{quality.longest_run:,} characters, {quality.longest_run_tokens:,} tokens"
            median = f"{quality.median_run:g}"
        values = (f"{value:.3f}" for value in quality.distinct)
        figures = (f"{quality.tokens:.1f}", f"{quality.repeated:.1%}", *values, run, median)
        yield Line(quality.way, "", figures)


def _chosen(quality: Quality) -> list[Sample]:
    """The first ones, and the one with the longest run."""
    shown = list(quality.samples[:_SHOWN_SAMPLES])
    longest = max(quality.samples, key=lambda sample: sample.run.length if sample.run else 0)
    return shown if longest in shown else [*shown[:-1], longest]


def _marked(sample: Sample) -> Markup:
    """Prompt and text, the longest verbatim run marked."""
    start, length = sample.run or (0, 0)
    parts = sample.text[:start], sample.text[start : start + length], sample.text[start + length :]
    before, run, after = map(escape, parts)
    note = f' <span class="quiet">{length} characters</span>' if sample.run else ""
    text = Markup(f"{before}<mark>{run}</mark>{after}") if length else escape(sample.text)
    return Markup(f"<pre><b>{escape(sample.prompt)}</b>{text}</pre>{note}")


def _words(metric: str) -> str:
    return metric.replace("_", " ")
