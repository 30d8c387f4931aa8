"""Training runs on this machine: the folders of their event files, and readable names for them.

Found by looking at folders alone: ML Metadata's database belongs to the run that is under way, and
TensorFlow and TFX take seconds to import.
"""

from __future__ import annotations

import dataclasses
import datetime
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

from models.training import run_card
from models.training.run_card import RunCard

_SETTLED_S = 10.0
"""A folder without a card that has not changed for so long will get none."""
_FOLDERS = ("model_run", "failed_run")


@dataclasses.dataclass(frozen=True)
class TrainingRun:
    """One folder of event files."""

    pipeline: str
    folder: Path
    card: RunCard | None
    """None where an earlier version of Lexmill trained."""

    @property
    def name(self) -> str:
        """``shakespeare/2026-01-31 23:59:59 transformer 929k``."""
        if self.card is None:
            return f"{self.pipeline}/run {self.folder.name}"
        size = short_count(self.card.num_parameters)
        return f"{self.pipeline}/{_time(self.card)} {self.card.family} {size}"


def pipelines(output_root: Path) -> list[Path]:
    """The folders, below ``output_root``, of the pipelines that have trained."""
    if not output_root.is_dir():
        return []
    return sorted(path for path in output_root.iterdir() if (path / "artifacts" / "Trainer").is_dir())


def find(roots: Iterable[Path]) -> list[TrainingRun]:
    """The training runs of the pipelines whose folders are ``roots``, in the order of their start.

    A run that another one went on with is left out: that one's curves hold its own.
    """
    found = [run for root in roots for run in of_pipeline(root)]
    continued = {run.card.earlier for run in found if run.card and run.card.earlier}
    kept = [run for run in found if str(run.folder) not in continued]
    return sorted(kept, key=lambda run: (run.card.started if run.card else "", run.folder.name))


def names(runs: Sequence[TrainingRun], taken: Iterable[str] = ()) -> dict[Path, str]:
    """Folder -> name; of runs that would be called the same, the later ones get a number."""
    used, named = set(taken), {}
    for run in runs:
        name, number = run.name, 1
        while name in used:
            number += 1
            name = f"{run.name} ({number})"
        used.add(name)
        named[run.folder] = name
    return named


def short_count(number: int) -> str:
    """``929,280`` as ``929k``: three digits, rounded."""
    for unit, size in (("B", 10**9), ("M", 10**6), ("k", 10**3)):
        if number >= size * 0.9995:
            return f"{float(f'{number / size:.3g}'):g}{unit}"
    return str(number)


def of_pipeline(root: Path) -> list[TrainingRun]:
    """All runs in one pipeline's folder, those too that another went on with; in no order."""
    trainer = root.resolve() / "artifacts" / "Trainer"
    folders = [folder for kind in _FOLDERS for folder in (trainer / kind).glob("*") if folder.is_dir()]
    runs = [TrainingRun(root.name, folder, run_card.read(str(folder))) for folder in folders]
    return [run for run in runs if run.card is not None or _is_settled(run.folder)]


def _is_settled(folder: Path) -> bool:
    """Whether there are event files, and have been for some time: a card is written soon after."""
    files = list(folder.glob("*.tfevents.*"))
    return bool(files) and time.time() - max(file.stat().st_mtime for file in files) > _SETTLED_S


def _time(card: RunCard) -> str:
    """Of the pipeline's run when there is one, or else of the training's start."""
    try:
        started = datetime.datetime.strptime(card.run_id[:15], "%Y%m%d-%H%M%S")
    except ValueError:
        return card.started[:19].replace("T", " ")
    return f"{started:%Y-%m-%d %H:%M:%S}"
