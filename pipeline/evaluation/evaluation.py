"""Everything that is measured of one model, put together for a table or a page."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from components import documents
from components.documents import Document
from components.evaluator import verdict
from components.evaluator.verdict import Judgement
from components.task_evaluator.results import TaskReport
from models import manifest, resampling
from models.prediction_measures import BINNED, NUM_BYTES, NUM_TOKENS, OVERALL, metrics, uniform_guess
from models.resampling import Interval
from models.tokenizing import reading
from models.tokenizing.reading import TextTokenizer
from pipeline.data.outputs import DOCUMENTS, DataOutputs
from pipeline.errors import MissingInputError
from pipeline.evaluation import generation, row_scores, task_reports
from pipeline.evaluation.generation import Quality
from pipeline.evaluation.row_scores import RowSums
from pipeline.evaluation.subject import Subject

_TEST = "test"


@dataclasses.dataclass(frozen=True)
class Score:
    """One metric on one slice."""

    value: float
    interval: Interval
    chance: float
    """Of a uniform guess among the vocabulary."""
    previous: float | None
    """The previous model's, on the same rows."""
    change: Interval | None
    """Interval of the difference to it."""


@dataclasses.dataclass(frozen=True)
class Text:
    """A text of the user's own to evaluate on."""

    name: str
    content: str


@dataclasses.dataclass(frozen=True)
class Evaluation:
    """Of one model."""

    subject: Subject
    measured_on: str
    """In words."""
    num_rows: int
    tokens: dict[str, int]
    """Slice -> targets that count."""
    num_bytes: int
    scores: dict[str, dict[str, Score]]
    """Slice -> metric -> score; overall first."""
    reliability: np.ndarray | None
    """Overall: the sums by bin, float64 ``(3, NUM_BINS)`` in the order of `BINNED`; None of a model of an
    earlier version."""
    compared: str
    """What with, in words."""
    judgement: Judgement | None
    """None on a text of the user's own: the bounds are about the test split."""
    qualities: list[Quality]
    """Empty where nothing was generated."""
    searched: str
    """In what verbatim runs were looked for, in words."""
    tasks: TaskReport | None
    """What a run's TaskEvaluator found of the model."""
    previous_tasks: TaskReport | None


def evaluate(
    subject: Subject,
    text: Text | None,
    num_prompts: int,
    progress: Callable[[str], None],
) -> Evaluation:
    """Measures a model.

    Args:
      text: what to measure on instead of the test split.
      num_prompts: how many are continued; 0: nothing is generated.
      progress: told what is under way.

    Raises:
      MissingInputError: there are no rows that the model reads.
    """
    data = subject.data()
    tokenizer = _tokenizer(subject, data)
    records, measured_on = _records(subject, data, text, tokenizer)
    progress(f"loading {subject.model.label}")
    model = row_scores.load(subject.model.path)
    sums = _measured(model, records, subject.model.label, progress)
    before, compared, reached = _previous(subject, records, progress)
    slices = {OVERALL: np.full(len(records), True)} | ({} if text else row_scores.slices(records))
    progress("resampling")
    size = subject.model.manifest.vocabulary_size
    scores = {name: _scores(sums, before, rows, size) for name, rows in slices.items()}
    tokens = {name: int(sums[NUM_TOKENS][rows].sum()) for name, rows in slices.items()}
    previous = subject.previous
    qualities, searched = _generation(model, subject, data, text, tokenizer, num_prompts, progress)
    return Evaluation(
        subject=subject,
        measured_on=measured_on,
        num_rows=len(records),
        tokens=tokens,
        num_bytes=int(sums[NUM_BYTES].sum()),
        scores=scores,
        reliability=np.stack([sums[name].sum(axis=0) for name in BINNED]) if BINNED[0] in sums else None,
        compared=compared,
        judgement=None if text else _judgement(subject, scores, tokens, reached),
        qualities=qualities,
        searched=searched,
        tasks=task_reports.find(subject.config, subject.model.manifest),
        previous_tasks=task_reports.find(subject.config, previous.manifest) if previous else None,
    )


def _generation(
    model: Any,
    subject: Subject,
    data: DataOutputs | None,
    text: Text | None,
    tokenizer: TextTokenizer,
    num_prompts: int,
    progress: Callable[[str], None],
) -> tuple[list[Quality], str]:
    """What the model writes, and in what verbatim runs were looked for."""
    if not num_prompts:
        return [], ""
    context = subject.model.manifest.context_length
    pieces = _documents(data, _TEST)
    if text is not None:
        pieces = generation.pieces_of_text(text.content, tokenizer, context)
    prompts = generation.choose_prompts(pieces, tokenizer, context, num_prompts)
    if not prompts:
        return [], ""
    training = _Training(data) if data is not None and data.has(DOCUMENTS) else None
    qualities = generation.measure(model, tokenizer, prompts, context // 2, training, progress)
    return qualities, training.words() if training is not None else "the training text is not at hand"


class _Training:
    """The training documents' texts, up to `generation.MAX_TRAINING_BYTES`; says how much of all it gave."""

    def __init__(self, data: DataOutputs) -> None:
        self._data = data
        self._whole = data.corpus.kept("train").num_bytes
        self._given = 0

    def __iter__(self) -> Iterator[str]:
        for document in _documents(self._data, "train"):
            if self._given >= generation.MAX_TRAINING_BYTES:
                return
            self._given += len(document.text.encode())
            yield document.text

    def words(self) -> str:
        if self._given >= self._whole:
            return f"all {self._whole:,} bytes of the training text"
        return f"{self._given:,} of the training text's {self._whole:,} bytes; the rest may have longer ones"


def _tokenizer(subject: Subject, data: DataOutputs | None) -> TextTokenizer:
    content = data.tokenizer_content if data is not None else manifest.read_tokenizer(subject.model.path)
    if content is None:
        raise MissingInputError(
            f"{subject.model.path}: no run with its tokenizer is in {subject.config.root}, and the model, of "
            "an earlier version of Lexmill, holds none: run the pipeline again"
        )
    return reading.read(content)


def _records(
    subject: Subject, data: DataOutputs | None, text: Text | None, tokenizer: TextTokenizer
) -> tuple[list[bytes], str]:
    if text is not None:
        length = subject.model.manifest.context_length
        return row_scores.rows_of_text(text.content, text.name, tokenizer, length), text.name
    if data is None:
        raise MissingInputError(
            f"{subject.model.label}: no run in {subject.config.root} has rows of its tokenizer and context: "
            "evaluate it on a text with --text FILE"
        )
    return list(data.rows(_TEST)), f"the test split of run {data.run_id}"


def _measured(model: Any, records: Sequence[bytes], label: str, progress: Callable[[str], None]) -> RowSums:
    def tell(done: int, total: int) -> None:
        progress(f"{label}: {done:,} of {total:,} rows")

    return row_scores.measure(model, records, tell)


def _previous(
    subject: Subject, records: Sequence[bytes], progress: Callable[[str], None]
) -> tuple[RowSums | None, str, float | None]:
    """The previous model's sums on the rows, what is compared in words, and what it had reached where it
    cannot read them."""
    previous = subject.previous
    if previous is None:
        return None, "nothing to compare with", None
    if not previous.manifest.comparable_by_row(subject.model.manifest):
        reached = previous.manifest.evaluation.get(OVERALL, {}).get("bits_per_byte")
        had = f", and had {reached:.3f} bits per byte" if reached else ""
        return None, f"{previous.label} has another tokenizer or context{had}", reached
    progress(f"loading {previous.label}")
    return _measured(row_scores.load(previous.path), records, previous.label, progress), previous.label, None


def _scores(
    sums: RowSums, before: RowSums | None, rows: np.ndarray, vocabulary_size: int
) -> dict[str, Score]:
    own = {name: values[rows] for name, values in sums.items()}
    values, draws = _values(own), resampling.resampled(own)
    totals = {name: float(own[name].sum()) for name in (NUM_TOKENS, NUM_BYTES)}
    chance = uniform_guess(totals[NUM_TOKENS], totals[NUM_BYTES], vocabulary_size)
    of_before: Mapping[str, float] = {}
    changes: Mapping[str, np.ndarray] = {}
    if before is not None:
        theirs = {name: values[rows] for name, values in before.items()}
        of_before = _values(theirs)
        their_draws = resampling.resampled(theirs)
        changes = {name: draws[name] - their_draws[name] for name in their_draws if name in draws}
    return {
        name: Score(
            value=value,
            interval=resampling.interval(draws[name]),
            chance=chance[name],
            previous=of_before.get(name),
            change=resampling.interval(changes[name]) if name in changes else None,
        )
        for name, value in values.items()
    }


def _values(row_sums: RowSums) -> dict[str, float]:
    found = metrics({name: values.sum(axis=0) for name, values in row_sums.items()})
    return {name: float(value) for name, value in found.items()}


def _judgement(
    subject: Subject, scores: dict[str, dict[str, Score]], tokens: dict[str, int], reached: float | None
) -> Judgement:
    values = {name: {metric: score.value for metric, score in of.items()} for name, of in scores.items()}
    before = {
        name: {metric: score.previous for metric, score in of.items() if score.previous is not None}
        for name, of in scores.items()
    }
    return verdict.judge(subject.config.evaluation, values, tokens, before, reached)


def _documents(data: DataOutputs | None, split: str) -> Iterator[Document]:
    if data is not None and data.has(DOCUMENTS):
        yield from map(documents.decode, data.documents(split))
