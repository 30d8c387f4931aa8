"""``lexmill diff``: what differs between two runs."""

from __future__ import annotations

import json
from collections.abc import Sequence

from rich.console import Console

from serving.silence import libraries_silenced


def show_difference(one: str, other: str, config_name: str, overrides: Sequence[str], as_json: bool) -> None:
    """Prints what changed from the first run to the second."""
    with libraries_silenced():
        from pipeline.comparison import differences, sides, text

        found = differences.compare(
            *(sides.gather(run, config_name, list(overrides)) for run in (one, other))
        )
    if as_json:
        print(json.dumps(found.as_json(), indent=2))
    else:
        Console(soft_wrap=True).print(text.sections(found))
