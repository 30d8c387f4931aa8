"""Tasks that were asked on this machine: the folders of their scalars, by readable names.

Found by looking at folders alone, as `training_runs` does, and for the same reason.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from pipeline.training_runs import short_count

_REPORTS = "artifacts/TaskEvaluator/report"


def find(roots: Iterable[Path]) -> dict[Path, str]:
    """Folder of event files -> ``shakespeare/2026-01-31 23:59:59 transformer 929k tasks``, oldest first."""
    found = {}
    for root in roots:
        for folder in sorted((root / _REPORTS).glob("*/tensorboard"), key=lambda path: int(path.parent.name)):
            try:
                report = json.loads((folder.parent / "tasks.json").read_text(encoding="utf-8"))
                started = report["started"][:19].replace("T", " ")
                size = short_count(report["num_parameters"])
            except (OSError, ValueError, KeyError):
                continue
            found[folder] = f"{root.name}/{started} {report['family']} {size} tasks"
    return found
