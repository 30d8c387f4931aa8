"""``lexmill train-report``."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path

from pipeline.config import load
from pipeline.errors import MissingInputError
from serving.silence import libraries_silenced


def write_report(config_name: str, overrides: Sequence[str], run_id: str | None, output: str | None) -> Path:
    """Writes the page of one run, the latest by default; returns where."""
    config = load(config_name, overrides)
    if output is not None and not Path(output).absolute().parent.is_dir():
        raise MissingInputError(f"{output}: its folder is not there: make it, or write elsewhere")
    with libraries_silenced():
        from pipeline.report import contents, page

        found = contents.gather(config, run_id, shlex.join(["lexmill", "run", config_name]))
        path = Path(output) if output else Path(config.root, "runs", found.run.run_id, "report.html")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(page.render(found), encoding="utf-8")
    return path
