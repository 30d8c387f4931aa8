"""The name of a run: the time it started, so that names sort by time."""

from __future__ import annotations

import datetime

FORMAT = "%Y%m%d-%H%M%S-%f"


def new_run_id() -> str:
    """For a run that starts now."""
    return datetime.datetime.now().strftime(FORMAT)


def started(run_id: str) -> datetime.datetime:
    """When the run of this name started."""
    return datetime.datetime.strptime(run_id, FORMAT)
