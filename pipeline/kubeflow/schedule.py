"""When a recurring run starts: every so often, or as a cron expression says.

A server reads a cron expression of five fields as seconds, minutes, hours, days and months, where a crontab
means minutes first: so all six are asked for.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from pipeline.errors import ConfigError

_SECONDS = {"m": 60, "h": 3600, "d": 86400}
_CRON_FIELDS = ("second", "minute", "hour", "day of the month", "month", "day of the week")


@dataclass(frozen=True)
class Schedule:
    """One of the two."""

    every_s: int | None = None
    cron: str | None = None
    """Six fields, from seconds to the day of the week."""

    def trigger(self) -> dict[str, Any]:
        """As the v2beta1 API has it, in which a 64-bit number is text."""
        if self.every_s is not None:
            return {"periodic_schedule": {"interval_second": str(self.every_s)}}
        return {"cron_schedule": {"cron": self.cron}}

    def __str__(self) -> str:
        if self.every_s is None:
            return f"at {self.cron}"
        unit = next(unit for unit in "dhm" if self.every_s % _SECONDS[unit] == 0)
        return f"every {self.every_s // _SECONDS[unit]}{unit}"


def read(every: str | None, cron: str | None) -> Schedule | None:
    """What ``--every`` and ``--cron`` say; None when neither is given.

    Raises:
      ConfigError: both are, or one is not of its form.
    """
    if every is not None and cron is not None:
        raise ConfigError("--every and --cron both say when to run: give one")
    if every is not None:
        match = re.fullmatch(r"([1-9]\d*)([mhd])", every)
        if match is None:
            raise ConfigError(f"--every {every}: expected a number of minutes, hours or days: 30m, 6h, 1d")
        return Schedule(every_s=int(match[1]) * _SECONDS[match[2]])
    if cron is not None:
        if len(cron.split()) != len(_CRON_FIELDS):
            raise ConfigError(
                f"--cron {cron!r}: expected six fields, {', '.join(_CRON_FIELDS)}: '0 15 * * * *' is a "
                "quarter past every hour"
            )
        return Schedule(cron=" ".join(cron.split()))
    return None
