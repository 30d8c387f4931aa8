"""``lexmill lineage``: where a served model comes from, as text and as a picture."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from pipeline.errors import ConfigError, MissingInputError
from serving.silence import libraries_silenced

_PIPE_WIDTH = 1000


def show_lineage(
    model: str,
    config_name: str | None,
    overrides: Sequence[str],
    output: str | None,
    svg: str | None,
    all_files: bool,
    as_json: bool,
) -> None:
    """Prints the lineage, or writes it to a file and says so."""
    for path, endings in ((output, (".html", ".htm")), (svg, (".svg",))):
        _check(path, endings)
    with libraries_silenced():
        from pipeline.lineage import finding, graph, page, text

        lineage = graph.trace(finding.find(model, config_name, list(overrides)))
    if as_json:
        print(json.dumps(text.as_json(lineage), indent=2))
    elif output is None and svg is None:
        console = Console()
        if not console.is_terminal:
            console.width = _PIPE_WIDTH  # Whoever reads a pipe wants the hashes whole.
        console.print(text.tree(lineage, all_files))
    for path, write in ((output, page.render), (svg, page.picture)):
        if path is not None:
            Path(path).write_text(write(lineage), encoding="utf-8")
            if not as_json:
                print(f"wrote {path}")


def _check(path: str | None, endings: tuple[str, ...]) -> None:
    if path is None:
        return
    if not path.endswith(endings):
        raise ConfigError(f"{path}: expected a name that ends in {endings[0]}")
    if not Path(path).absolute().parent.is_dir():
        raise MissingInputError(f"{path}: its folder is not there: make it, or write elsewhere")
