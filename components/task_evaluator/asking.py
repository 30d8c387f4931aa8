"""Asks a model many questions in batches: how likely continuations are, and what it writes itself.

What all questions begin with, the shots in most tasks, is read once and its cache copied to every row. Then
each row's own rest of the prompt is read; over a copy of that cache every continuation is weighed in one
pass; and over the cache itself the answer is written greedily, a few tokens at a time, by the rows that are
not done. Questions of about the same length share a batch, so little is padded.

Logits are computed for continuations alone. With S shots of T tokens, Q questions cost S T tokens and Q times
the rest and the continuations, instead of Q times all of it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Sequence

import numpy as np

from components.task_evaluator.language_model import LanguageModel
from serving.engine.model import Cache

_MIN_PREFIX = 4
"""A shorter beginning in common is not worth a pass of its own."""
_STEPS = 8
"""Tokens between two looks at whether an answer is complete."""


@dataclasses.dataclass(frozen=True)
class Question:
    """A prompt, continuations to weigh, and how to tell an answer."""

    prompt_ids: np.ndarray
    """int32 ``(tokens,)``, at least one. With each continuation, at most the context and one token."""
    continuations: tuple[np.ndarray, ...]
    """int32 ``(tokens,)`` each, at least one token."""
    answer: Callable[[str, bool], str | None] | None = None
    """`Task.answer`; None: nothing is generated."""
    max_answer_chars: int = 0


@dataclasses.dataclass(frozen=True)
class Weighed:
    """A continuation's tokens."""

    log_probabilities: np.ndarray
    """float32 ``(tokens,)``, in nats."""
    is_likeliest: np.ndarray
    """bool ``(tokens,)``: would greedy decoding have chosen it, after those before."""


@dataclasses.dataclass(frozen=True)
class Reply:
    """What the model made of a question."""

    weighed: tuple[Weighed, ...]
    """As the question's continuations."""
    answer: str
    is_complete: bool
    """The answer ended as the task has it, not for its length or a full context."""


def ask(
    model: LanguageModel, questions: Sequence[Question], told: Callable[[int], None] = lambda _: None
) -> list[Reply]:
    """Replies in the order of the questions; ``told`` hears how many there are so far."""
    if not questions:
        return []
    order = sorted(range(len(questions)), key=lambda index: len(questions[index].prompt_ids))
    prefix = _common_prefix([question.prompt_ids for question in questions])
    prefix_cache = _prefilled(model, prefix)
    replies: list[Reply | None] = [None] * len(questions)
    done = 0
    for batch in _batches(model, questions, order):
        found = _Batch(model, [questions[index] for index in batch]).replies(prefix_cache, len(prefix))
        for index, reply in zip(batch, found, strict=True):
            replies[index] = reply
        done += len(batch)
        told(done)
    return [reply for reply in replies if reply is not None]


def _common_prefix(prompts: Sequence[np.ndarray]) -> np.ndarray:
    """Tokens with which all begin; each keeps at least one of its own, to predict from."""
    first = prompts[0]
    length = min(len(prompt) for prompt in prompts) - 1
    for prompt in prompts:
        different = np.flatnonzero(prompt[:length] != first[:length])
        length = int(different[0]) if len(different) else length
    return first[: length if length >= _MIN_PREFIX else 0]


def _prefilled(model: LanguageModel, prefix: np.ndarray) -> Cache:
    cache = model.empty_cache(1, model.whole_room(max(len(prefix), 1)))
    return model.read([prefix], cache, np.zeros(1, np.int32))


def _room(questions: Sequence[Question]) -> int:
    """Tokens that the longest prompt and the longest continuation take."""
    prompts, continuations = _longest(questions)
    return prompts + continuations


def _longest(questions: Sequence[Question]) -> tuple[int, int]:
    prompts = max(len(question.prompt_ids) for question in questions)
    return prompts, max((len(each) for q in questions for each in q.continuations), default=1)


def _batches(
    model: LanguageModel, questions: Sequence[Question], order: Sequence[int]
) -> Iterator[Sequence[int]]:
    """From the longest on: where memory does not suffice, that shows at once."""
    left = list(order)
    while left:
        prompts, continuations = _longest([questions[index] for index in left])
        room = model.whole_room(prompts + continuations)
        size = model.max_rows(room, max(prompts, continuations), continuations)
        yield left[-size:]
        del left[-size:]


class _Batch:
    """Questions that are asked together."""

    def __init__(self, model: LanguageModel, questions: Sequence[Question]) -> None:
        self._model = model
        self._questions = questions
        self._rows = np.arange(len(questions), dtype=np.int32)
        self._lengths = np.array([len(question.prompt_ids) for question in questions], np.int32)
        self._room = model.whole_room(_room(questions))

    def replies(self, prefix_cache: Cache, prefix_length: int) -> list[Reply]:
        cache = self._model.resized(prefix_cache, np.zeros_like(self._rows), self._room)
        rests = [question.prompt_ids[prefix_length:-1] for question in self._questions]
        cache = self._model.read(rests, cache, np.full_like(self._rows, prefix_length))
        weighed: list[list[Weighed]] = [[] for _ in self._questions]
        for number in range(max(len(question.continuations) for question in self._questions)):
            for row, found in self._weighed(cache, number):
                weighed[row].append(found)
        answers = _Answers(self._model, self._questions, cache, self._room).written()
        return [
            Reply(tuple(of_row), answer, complete)
            for of_row, (answer, complete) in zip(weighed, answers, strict=True)
        ]

    def _weighed(self, cache: Cache, number: int) -> Iterator[tuple[int, Weighed]]:
        """The continuation of that number, of each row that has one."""
        rows = [row for row, question in enumerate(self._questions) if number < len(question.continuations)]
        copy = self._model.resized(cache, np.array(rows), self._room)
        tokens = [
            np.concatenate([question.prompt_ids[-1:], question.continuations[number]])
            for question in (self._questions[row] for row in rows)
        ]
        found = self._model.weigh(tokens, copy, self._lengths[rows] - 1)
        return ((row, Weighed(*values)) for row, values in zip(rows, found, strict=True))


class _Answers:
    """Greedy answers over a batch's cache, which is used up."""

    def __init__(self, model: LanguageModel, questions: Sequence[Question], cache: Cache, room: int) -> None:
        self._model = model
        self._questions = questions
        self._cache = cache
        self._room = room
        self._written: list[list[int]] = [[] for _ in questions]
        self._answers: list[tuple[str, bool]] = [("", False)] * len(questions)

    def written(self) -> list[tuple[str, bool]]:
        """Each question's answer, and whether it is complete."""
        rows_in_cache = list(range(len(self._questions)))
        active = [row for row in rows_in_cache if self._questions[row].answer is not None]
        while active:
            needed = self._model.whole_room(max(self._position(row) for row in active) + _STEPS)
            if active != rows_in_cache or needed > self._room:
                self._room = max(needed, self._room)
                kept = np.array([rows_in_cache.index(row) for row in active])
                self._cache = self._model.resized(self._cache, kept, self._room)
                rows_in_cache = active
            active = self._step(active)
        return self._answers

    def _step(self, rows: list[int]) -> list[int]:
        """Some tokens more for each of the rows; those that are not done."""
        positions = np.array([self._position(row) for row in rows])
        limits = np.minimum(_STEPS, self._model.context_length - positions)
        last = np.array([[*self._questions[row].prompt_ids, *self._written[row]][-1] for row in rows])
        self._cache, steps = self._model.decode(self._cache, last, positions, limits, _STEPS)
        return [
            row
            for index, row in enumerate(rows)
            if self._goes_on(
                row, steps.token_ids[index, : steps.num_tokens[index]], bool(steps.stopped[index])
            )
        ]

    def _position(self, row: int) -> int:
        """Where the last token stands, which is not read yet."""
        return len(self._questions[row].prompt_ids) + len(self._written[row]) - 1

    def _goes_on(self, row: int, gained: np.ndarray, stopped: bool) -> bool:
        question = self._questions[row]
        assert question.answer is not None
        self._written[row] += gained.tolist()
        text = self._model.text_of(self._written[row])
        answer = question.answer(text, stopped)
        if answer is not None:
            self._answers[row] = answer, True
            return False
        is_full = self._position(row) >= self._model.context_length
        if is_full or len(text) > question.max_answer_chars or len(gained) == 0:
            self._answers[row] = text[: question.max_answer_chars], False
            return False
        return True
