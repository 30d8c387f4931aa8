"""The configuration reference, written from the settings' own declarations and docstrings."""

from __future__ import annotations

import typing
from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel

from components.task_evaluator.settings import TaskSettings
from components.task_evaluator.tasks import catalog
from pipeline.config import PipelineConfig


def markdown() -> str:
    """A Markdown table for each table of the configuration."""
    sections = [_table("top level", PipelineConfig), *_tables(PipelineConfig)]
    return "\n\n".join(sections)


def _tables(parent: Any, prefix: str = "") -> Iterator[str]:
    for name, field in parent.model_fields.items():
        if _is_table(field.annotation):
            yield _table(f"[{prefix}{name}]", field.annotation)
            yield from _tables(field.annotation, f"{prefix}{name}.")
        if name == "corpus":
            yield _table("corpus.sources, each", _element(field.annotation, "sources"))
        if name == "tasks":
            yield _table("tasks.evaluate, each", TaskSettings)
            yield _fields_of_tasks()


def _fields_of_tasks() -> str:
    lines = [
        "**`tasks.evaluate`, by task**: What only one task has.",
        "",
        "| task | field | default | meaning |",
        "|---|---|---|---|",
    ]
    for task, settings in catalog.tasks().items():
        own = ((name, settings.model_fields[name]) for name in settings.parameter_names())
        lines += [f"| `{task}` {_row(name, field)}" for name, field in own if not field.exclude]
    return "\n".join(lines)


def _is_table(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)


def _element(table: Any, field: str) -> Any:
    return typing.get_args(table.model_fields[field].annotation)[0]


def _table(title: str, table: Any) -> str:
    heading = f"**`{title}`**: {_one_line(table.__doc__)}"
    lines = [heading, "", "| field | default | meaning |", "|---|---|---|"]
    for name, field in table.model_fields.items():
        if _is_table(field.annotation):
            continue
        lines.append(_row(name, field))
    return "\n".join(lines)


def _row(name: str, field: Any) -> str:
    default = f"`{_toml(field.get_default(call_default_factory=True))}`"
    if field.is_required():
        default = "required"
    return f"| `{name}` | {default} | {_one_line(field.description)} |"


def _one_line(text: str | None) -> str:
    words = " ".join((text or "").replace("``", "`").split())
    return words.replace("|", "\\|")


def _toml(value: Any) -> str:
    if value is None:
        return "(none)"
    if isinstance(value, str):
        return f'"{value}"'
    if isinstance(value, tuple):
        return f"[{', '.join(_toml(item) for item in value)}]"
    return str(value)
