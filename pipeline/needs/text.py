"""A plan on paper for the terminal: each figure with its formula, and what stands in the way."""

from __future__ import annotations

import dataclasses
from typing import Any

from rich.console import Group, RenderableType
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from pipeline.needs.arithmetic import Needs


def table(needs: Needs, title: str) -> Group:
    """For Rich."""
    grid = Table(title=title, title_justify="left", header_style="bold")
    for heading in ("", "", "how"):
        grid.add_column(heading)
    section = ""
    for line in needs.lines:
        if line.section != section:
            section = line.section
            grid.add_section()
            grid.add_row(f"[bold]{escape(section)}[/bold]")
        grid.add_row(f"  {escape(line.name)}", escape(line.shown), escape(line.formula))
    warnings: list[RenderableType] = [Text(f"! {warning}", style="yellow") for warning in needs.warnings]
    return Group(grid, *warnings)


def as_json(needs: Needs) -> dict[str, Any]:
    """Plain values."""
    return dataclasses.asdict(needs)
