"""How a stage tells what it is doing: records of one standard logger, never output.

The command line, or any other caller, attaches a handler to the logger `LOGGER_NAME`
and renders the records. Without a handler they go nowhere, as the level of a root
logger is WARNING; workers in other processes or on other machines log there.
"""

from __future__ import annotations

import logging

LOGGER_NAME = "lexmill.progress"
_LOGGER = logging.getLogger(LOGGER_NAME)


def report(message: str, *, completed: int | None = None, total: int | None = None) -> None:
    """Logs one line; ``completed`` of ``total`` steps become attributes of the log record."""
    _LOGGER.info("%s", message, extra={"completed": completed, "total": total})


def notice(message: str) -> None:
    """Logs one line that is to stay in sight, at WARNING: something went otherwise than usual, and well."""
    _LOGGER.warning("%s", message)


def format_bytes(num_bytes: int) -> str:
    """``4096 -> '4.1 kB'``: decimal units, three digits at most before the unit changes."""
    size = float(num_bytes)
    for unit in ("bytes", "kB", "MB", "GB"):
        if size < 999.5:
            return f"{num_bytes} {unit}" if unit == "bytes" else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} TB"
