"""The configuration reference, written from the settings' own declarations and docstrings."""

from __future__ import annotations

import typing
from typing import Any

from pydantic_core import PydanticUndefined

from models.config import Settings
from pipeline.config import PipelineConfig


def markdown() -> str:
    """A Markdown table for each table of the configuration."""
    sections = [_table("top level", PipelineConfig)]
    for name, field in PipelineConfig.model_fields.items():
        table: Any = field.annotation
        if _is_table(table):
            sections.append(_table(f"[{name}]", table))
        if name == "corpus":
            sections.append(_table("corpus.sources, each", _element(field.annotation, "sources")))
        if _is_table(table):
            for inner, within in table.model_fields.items():
                if _is_table(within.annotation):
                    sections.append(_table(f"[{name}.{inner}]", within.annotation))
    return "\n\n".join(sections)


def _is_table(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, Settings)


def _element(table: Any, field: str) -> Any:
    return typing.get_args(table.model_fields[field].annotation)[0]


def _table(title: str, table: Any) -> str:
    heading = f"**`{title}`**: {_one_line(table.__doc__)}"
    lines = [heading, "", "| field | default | meaning |", "|---|---|---|"]
    for name, field in table.model_fields.items():
        if _is_table(field.annotation):
            continue
        default = "required" if field.default is PydanticUndefined else f"`{_toml(field.default)}`"
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
