"""A task of one's own: a JSONL file of prompts with targets, or of prompts with choices.

    {"prompt": "The capital of France is", "target": " Paris"}
    {"prompt": "2 + 2 =", "choices": [" 3", " 4"], "answer": 1, "subject": "arithmetic"}

An answer is a choice's place, from 0, or the choice itself.
"""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal, final

from pydantic import Field

from components.errors import StageError
from components.task_evaluator.pooled import PooledTask, Pools
from components.task_evaluator.task import Item, Kind


@final
class JsonLines(PooledTask):
    """Items from a file."""

    task: Literal["jsonl"] = "jsonl"
    path: str = Field(min_length=1)
    """The file, in UTF-8, here or in object storage; a local place starts at the working directory."""
    prompt_field: str = "prompt"
    """What the model is given."""
    target_field: str = "target"
    """What it is to write; of a record without choices."""
    choices_field: str = "choices"
    """A list of continuations, of which the likeliest is the model's answer."""
    answer_field: str = "answer"
    """The right choice: its place from 0, or itself."""
    subject_field: str = "subject"
    """A slice; may be missing."""
    scored_by: Literal["generation", "choices"] = "generation"
    """Whether the model writes an answer, or choices are weighed only; that is much quicker."""
    ends_with: str = "\n"
    """What ends an answer; empty: nothing but the end of the text, or the answer's length."""
    max_answer_chars: int = Field(default=200, ge=1)
    """A longer answer is cut off."""

    @property
    def kind(self) -> Kind:  # type: ignore[override]
        return self.scored_by

    @property
    def end(self) -> str:  # type: ignore[override]
        return self.ends_with

    def files(self) -> tuple[str, ...]:
        return (self.path,)

    def pools(self, seed: int) -> Pools:
        items = _items(self)
        return Pools(items, items)


def fingerprint(paths: Iterable[str]) -> str:
    """Of the files' contents; of one that is not there, that."""
    digest = hashlib.sha256()
    for path in paths:
        try:
            content = _content(path)
        except OSError:
            content = b"missing"
        digest.update(hashlib.sha256(content).digest())
    return digest.hexdigest()


@functools.lru_cache(maxsize=8)
def _items(task: JsonLines) -> list[Item]:
    try:
        lines = _content(task.path).decode().splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise StageError(f"{task.path}: cannot be read: {error}") from error
    items = [_item(task, number, line) for number, line in enumerate(lines, start=1) if line.strip()]
    if not items:
        raise StageError(f"{task.path}: no items: expected one JSON object a line")
    return items


def _content(path: str) -> bytes:
    """Of a file on any file system that TensorFlow knows.

    Raises:
      OSError: it cannot be read.
    """
    if "://" not in path:
        return Path(path).read_bytes()
    import tensorflow as tf  # Here alone: a configuration is read without it.

    try:
        with tf.io.gfile.GFile(path, "rb") as file:
            return bytes(file.read())
    except tf.errors.OpError as error:
        raise OSError(error.message) from error


def _item(task: JsonLines, number: int, line: str) -> Item:
    place = f"{task.path}:{number}"
    try:
        record = json.loads(line)
    except ValueError as error:
        raise StageError(f"{place}: not JSON: {error}") from error
    if not isinstance(record, dict) or not isinstance(record.get(task.prompt_field), str):
        raise StageError(f"{place}: expected an object whose field {task.prompt_field!r} is text")
    choices = record.get(task.choices_field)
    if choices is None and task.scored_by == "choices":
        raise StageError(f'{place}: no field {task.choices_field!r}, as scored_by = "choices" needs')
    target = record.get(task.target_field) if choices is None else _right_choice(task, place, record, choices)
    if not isinstance(target, str) or not target:
        raise StageError(f"{place}: expected text in the field {task.target_field!r}")
    return Item(
        prompt=record[task.prompt_field],
        target=target,
        choices=tuple(choices or ()),
        subject=str(record.get(task.subject_field, "")),
    )


def _right_choice(task: JsonLines, place: str, record: dict[str, Any], choices: Any) -> str:
    if (
        not isinstance(choices, list)
        or len(choices) < 2
        or not all(isinstance(one, str) and one for one in choices)
    ):
        raise StageError(f"{place}: expected a list of two texts or more in the field {task.choices_field!r}")
    answer = record.get(task.answer_field)
    if isinstance(answer, int) and 0 <= answer < len(choices):
        return str(choices[answer])
    if answer in choices:
        return str(answer)
    raise StageError(
        f"{place}: the field {task.answer_field!r} is {answer!r}: expected one of the choices, or its place "
        f"from 0 to {len(choices) - 1}"
    )
