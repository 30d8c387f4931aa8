"""``lexmill plan``: what a corpus and a model would need, on paper."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.console import Console

from pipeline.config import load
from serving.silence import libraries_silenced

if TYPE_CHECKING:
    from pipeline.needs.options import Options


def show_plan(config_name: str, overrides: Sequence[str], options: Options, as_json: bool) -> None:
    """Prints the arithmetic; runs nothing."""
    with libraries_silenced():
        from pipeline.needs import arithmetic, gathering, text

        config = gathering.with_parameters(load(config_name, overrides), options.parameters)
        found = arithmetic.needs(config, gathering.gather(config, options))
    if as_json:
        print(json.dumps(text.as_json(found), indent=2))
    else:
        Console().print(text.table(found, f"what {config.name} would need, on paper"))
