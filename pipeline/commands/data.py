"""``lexmill data report``, ``data peek`` and ``trace``: a corpus, its rows, and where they come from."""

from __future__ import annotations

import itertools
import shlex
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.text import Text

from pipeline.config import load
from pipeline.errors import MissingInputError
from serving.silence import libraries_silenced

if TYPE_CHECKING:
    from models.tokenizing.vocabulary import Vocabulary
    from pipeline.data.outputs import DataOutputs
    from pipeline.data.row_text import RowArrays
    from pipeline.data.tracing import Place, Trace

_EXCERPT = 60
"""Bytes of a part that a trace shows."""


def peek(
    config_name: str,
    overrides: Sequence[str],
    run_id: str | None,
    split: str,
    start: int,
    num_rows: int,
    source: str | None,
    by_token: bool,
) -> None:
    """Shows rows: for reading on a terminal, else a line a piece of text (`pipeline.data.row_text`)."""
    with libraries_silenced():
        outputs = _outputs(config_name, overrides, run_id)
        vocabulary = outputs.tokenizer.vocabulary
        chosen = _chosen(outputs, split, start, num_rows, source)
        from pipeline.data import row_text
    console = Console(highlight=False, soft_wrap=True)
    for number, row in chosen:
        pad = int((row.segment_ids == 0).sum())
        counted = int(row.loss_mask.sum())
        head = (
            f"row {number}  {split}  source {row.source}  "
            f"{len(row.token_ids) - pad} tokens, {counted} targets of {row.num_bytes} bytes"
        )
        if not console.is_terminal:
            sys.stdout.write("\n".join([head, *row_text.lines(row, vocabulary, by_token)]) + "\n")
            continue
        console.print(Text(head, "bold"))
        console.print(_styled(row, vocabulary, by_token))


def show_trace(
    config_name: str, overrides: Sequence[str], run_id: str | None, split: str, number: int
) -> None:
    """Shows a line a part of the row: its tokens, its document, and where in it, as far as it fits."""
    with libraries_silenced():
        outputs = _outputs(config_name, overrides, run_id)
        from pipeline.data import tracing

        found = tracing.trace(outputs, split, number)
    print("\n".join(_trace_lines(found)))


def write_report(config_name: str, overrides: Sequence[str], run_id: str | None, output: str | None) -> Path:
    """Writes the page of one run's data, the latest by default; returns where."""
    config = load(config_name, overrides)
    if output is not None and not Path(output).absolute().parent.is_dir():
        raise MissingInputError(f"{output}: its folder is not there: make it, or write elsewhere")
    with libraries_silenced():
        from pipeline.data import outputs, profile
        from pipeline.report import data_page
        from pipeline.report.contents import started

        command = shlex.join(["lexmill", "run", config_name])
        found = outputs.find(config, run_id, command, needed=outputs.DOCUMENTS)
    with Progress(
        TextColumn("reading documents"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(compact=True),
        console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty(),
    ) as bars:  # fmt: skip
        task = bars.add_task("")
        measured = profile.measure(found, lambda done, total: bars.update(task, completed=done, total=total))
    path = Path(output) if output else Path(config.root, "runs", found.run_id, "data.html")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(data_page.render(config.name, started(found.run_id), found, measured), encoding="utf-8")
    return path


def row_number(text: str) -> int:
    """A row's number as one types it."""
    if not text.isdecimal():
        raise MissingInputError(f"{text}: expected a row's number, from 0, as in 'lexmill trace tiny 12'")
    return int(text)


def _outputs(config_name: str, overrides: Sequence[str], run_id: str | None) -> DataOutputs:
    config = load(config_name, overrides)
    from pipeline.data import outputs

    return outputs.find(config, run_id, shlex.join(["lexmill", "run", config_name]))


def _chosen(
    outputs: DataOutputs, split: str, start: int, num_rows: int, source: str | None
) -> Iterator[tuple[int, RowArrays]]:
    """Rows with their numbers. What is wrong with the wishes is raised at once, before the first row."""
    from pipeline.data import row_text

    rows = outputs.rows(split)
    there = outputs.packing.splits[split]
    total = outputs.packing.total(split).rows
    if not 0 <= start < total:
        raise MissingInputError(f"{start}: no such row: {split} has the rows 0 to {total - 1:,}")
    if source is not None and source not in there:
        raise MissingInputError(f"{source}: no such source in {split}: there are {', '.join(there)}")
    wanted = (
        (number, row_text.decode_row(row))
        for number, row in itertools.islice(enumerate(rows), start, None)
        if source is None or row_text.source_of(row) == source
    )
    return itertools.islice(wanted, num_rows)


def _styled(row: RowArrays, vocabulary: Vocabulary, by_token: bool) -> Text:
    """Text that is no target dim, a mark where a document ends, and on request a bar between tokens."""
    from pipeline.data import row_text

    text = Text()
    for piece in row_text.pieces(row, vocabulary):
        style = "" if piece.counts else "dim"
        if piece.kind == "padding":
            text.append(f"[{len(piece.tokens)} of padding]", "dim italic")
        elif piece.kind != "text":
            text.append(f"[{piece.kind}]" * len(piece.tokens), f"{style} cyan".strip())
        elif not by_token:
            text.append(row_text.shown(piece.text), style)
        else:
            for token in piece.tokens:
                text.append(row_text.shown(token), style)
                text.append("|", "yellow")
    return text.append("\n")


def _trace_lines(found: Trace) -> Iterator[str]:
    from pipeline.data.row_text import quote

    documents = f"{len(found.places)} document{'s' * (len(found.places) != 1)}"
    yield (
        f"row {found.number}  {found.split}  source {found.source}  {found.num_tokens} tokens, of {documents}"
    )
    for place in found.places:
        yield f"  tokens {_range(place.row_tokens)}: document {quote(place.document_id.encode())}, " + _where(
            place
        )
    if found.num_equal > 1:
        yield f"  {found.num_equal} rows are the same; this is where the first of them comes from"


def _where(place: Place) -> str:
    from pipeline.data.row_text import quote

    where = f"tokens {_range(place.tokens)} of {place.num_tokens}"
    if place.span is not None:
        where += (
            f", bytes {_range(place.span)} of {place.num_bytes}, from line {place.first_line} of its text"
        )
    return f"{where}: {quote(place.text[:_EXCERPT])}" + (" ..." if len(place.text) > _EXCERPT else "")


def _range(ends: tuple[int, int]) -> str:
    """``(3, 9)`` as ``3-8``: the first and the last, from 0."""
    return f"{ends[0]}-{ends[1] - 1}"
