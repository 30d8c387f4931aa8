"""``lexmill evaluate``: how good is a model, on which text, against which other?"""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape
from rich.table import Column, Table

from pipeline.commands.ask import read_text
from pipeline.errors import MissingInputError
from pipeline.evaluation.figures import between, change, number
from serving.silence import libraries_silenced

if TYPE_CHECKING:
    from components.task_evaluator.results import TaskReport
    from pipeline.evaluation.evaluation import Evaluation, Score
    from pipeline.evaluation.generation import Quality

PASSED, FAILED_BOUNDS = 0, 3
_SLICE_METRICS = ("bits_per_byte", "perplexity", "accuracy", "calibration_error")


def evaluate_model(
    name: str,
    config_name: str | None,
    overrides: Sequence[str],
    text_file: str | None,
    num_prompts: int,
    html: bool,
    output: str | None,
) -> int:
    """Measures and tells; returns the exit status, `FAILED_BOUNDS` where the test split's are broken."""
    if output is not None and not Path(output).absolute().parent.is_dir():
        raise MissingInputError(f"{output}: its folder is not there: make it, or write elsewhere")
    content = read_text(text_file) if text_file is not None else None
    console = Console(stderr=True)
    with console.status("loading TensorFlow") as status, libraries_silenced():
        from pipeline.evaluation import evaluation, subject

        found = subject.resolve(name, config_name, overrides)
        text = evaluation.Text(text_file or "", content) if content is not None else None
        measured = evaluation.evaluate(found, text, num_prompts, lambda words: status.update(escape(words)))
    _show(measured, Console(width=None if sys.stdout.isatty() else 120, highlight=False))
    if html or output is not None:
        print(f"wrote {_write_page(measured, output)}")
    return PASSED if measured.judgement is None or measured.judgement.passed else FAILED_BOUNDS


def _write_page(measured: Evaluation, output: str | None) -> Path:
    from pipeline.report import evaluation_page

    label = re.sub(r"[^A-Za-z0-9@.-]+", "-", measured.subject.model.label).strip("-")
    path = Path(output) if output else Path(measured.subject.config.root, "evaluations", f"{label}.html")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(evaluation_page.render(measured), encoding="utf-8")
    return path


def _show(measured: Evaluation, console: Console) -> None:
    tokens, num_bytes = measured.tokens["overall"], measured.num_bytes
    console.print(
        f"{measured.subject.model.label} on {measured.measured_on}: {tokens:,} tokens, {num_bytes:,} bytes "
        f"in {measured.num_rows:,} rows; compared with: {measured.compared}",
        markup=False,
    )
    console.print(_metrics_table(measured.scores["overall"]))
    if len(measured.scores) > 1:
        console.print(_slices_table(measured))
    if measured.tasks is not None:
        console.print(_tasks_table(measured.tasks))
    if measured.qualities:
        console.print(_generation_table(measured.qualities))
        console.print(f"verbatim runs were looked for in {measured.searched}", style="dim")
    if measured.judgement is None:
        return
    for sentence in measured.judgement.remarks:
        console.print(f"note: {sentence}", markup=False)
    for sentence in measured.judgement.failures:
        console.print(f"failed: {sentence}", style="red", markup=False)
    if measured.judgement.passed:
        console.print("within every bound of the configuration", style="green")


def _metrics_table(scores: dict[str, Score]) -> Table:
    table = Table(
        "metric", _right("value"), _right("95 % interval"), _right("uniform guess"), _right("previous"),
        _right("change, 95 % interval"),
    )  # fmt: skip
    for metric, score in scores.items():
        table.add_row(
            metric.replace("_", " "),
            number(score.value),
            between(score.interval),
            number(score.chance),
            "-" if score.previous is None else number(score.previous),
            change(score),
        )
    return table


def _slices_table(measured: Evaluation) -> Table:
    heads = [_right(metric.replace("_", " ")) for metric in _SLICE_METRICS]
    table = Table("slice", _right("tokens"), *heads, _right("bits per byte against the previous"))
    for name, scores in measured.scores.items():
        values = [number(scores[metric].value) if metric in scores else "-" for metric in _SLICE_METRICS]
        table.add_row(escape(name), f"{measured.tokens[name]:,}", *values, change(scores["bits_per_byte"]))
    return table


def _generation_table(qualities: Sequence[Quality]) -> Table:
    table = Table(
        "continuation", _right("tokens"), _right("repeated 4-grams"), _right("distinct-1, -2, -3"),
        _right("longest verbatim run"), _right("median"),
    )  # fmt: skip
    for quality in qualities:
        run = "-"
        if quality.longest_run is not None:
            run = f"{quality.longest_run} characters, {quality.longest_run_tokens} tokens"
        table.add_row(
            quality.way,
            f"{quality.tokens:.1f}",
            f"{quality.repeated:.1%}",
            ", ".join(f"{value:.2f}" for value in quality.distinct),
            run,
            "-" if quality.median_run is None else f"{quality.median_run:g}",
        )
    return table


def _tasks_table(report: TaskReport) -> Table:
    table = Table("task", "metric", _right("value"), _right("95 % interval"), _right("chance"))
    for result in report.results:
        for name, value in result.metrics.items():
            chance = "-" if value.chance is None else number(value.chance)
            interval = between((value.low, value.high))
            table.add_row(escape(result.label), name.replace("_", " "), number(value.value), interval, chance)
    return table


def _right(head: str) -> Column:
    return Column(head, justify="right")
