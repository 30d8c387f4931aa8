"""What differs between two runs, for the terminal: a section each, and a row for each difference."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from rich.console import Group, RenderableType
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from pipeline.comparison.differences import Change, Differences, Files

SHOWN = 20
"""Of files that were added, removed or changed, and of packages."""


def sections(found: Differences) -> Group:
    """For Rich."""
    parts: list[RenderableType] = [Text(f"{found.one}  →  {found.other}", style="bold")]
    parts += _section("configuration", found.configuration, "the configuration of one of them is gone")
    parts += _section("data: records", found.counts, "one of them has no corpus report")
    parts.append(Text("\ndata: files", style="bold"))
    parts += [Text(line) for line in file_lines(found.files)]
    parts += _section("code", found.code, "one of them did not record its code", limit=SHOWN)
    parts += _section("metrics on the test split", found.metrics, "one of them has no evaluation")
    return Group(*parts)


def file_lines(files: Files | None) -> Iterator[str]:
    """A line each, at most `SHOWN` of a kind."""
    if files is None:
        yield "  not comparable: one of them did not record its files"
        return
    kinds = {
        "added": list(files.added),
        "removed": list(files.removed),
        "changed": [
            f"{change.field}  {_short(change.one)} → {_short(change.other)}" for change in files.changed
        ],
        "renamed": [f"{change.one} → {change.other}" for change in files.renamed],
    }
    if not any(kinds.values()):
        yield f"  the same {files.num_same:,} files"
        return
    for kind, lines in kinds.items():
        for line in lines[:SHOWN]:
            yield f"  {kind:<8} {line}"
        if len(lines) > SHOWN:
            yield f"  {kind:<8} … and {len(lines) - SHOWN:,} more: --json"
    yield f"  the same {files.num_same:,} others"


def _section(
    title: str, changes: Iterable[Change] | None, missing: str, limit: int | None = None
) -> list[RenderableType]:
    heading = Text(f"\n{title}", style="bold")
    if changes is None:
        return [heading, Text(f"  not comparable: {missing}")]
    rows = list(changes)
    if not rows:
        return [heading, Text("  the same")]
    table = Table(box=None, show_header=False, padding=(0, 2))
    for change in rows[:limit]:
        difference = change.difference
        signed = f"{difference:+.4g}" if difference is not None else ""
        table.add_row(escape(change.field), _words(change.one), _words(change.other), signed)
    more = (
        [] if limit is None or len(rows) <= limit else [Text(f"  … and {len(rows) - limit:,} more: --json")]
    )
    return [heading, table, *more]


def _words(value: Any) -> str:
    if value is None:
        return "[dim](none)[/dim]"
    return escape(f"{value:.6g}" if isinstance(value, float) else str(value))


def _short(sha256: str | None) -> str:
    return sha256[:12] if sha256 else "(not read)"
