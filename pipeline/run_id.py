"""The name of a run: the time it started, so that names sort by time."""

from __future__ import annotations

import datetime


def new_run_id() -> str:
    """For a run that starts now: ``20260131-235959-123``, to the millisecond."""
    return datetime.datetime.now().strftime("%Y%m%d-%H%M%S-%f")[:-3]
