"""The configuration reference, written from the settings' own declarations and docstrings."""

from __future__ import annotations

import typing
from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel

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
        default = f"`{_toml(field.get_default(call_default_factory=True))}`"
        if field.is_required():
            default = "required"
        lines.append(f"| `{name}` | {default} | {_one_line(field.description)} |")
    return "\n".join(lines)


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
