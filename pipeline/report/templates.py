"""The pages' templates: Jinja with everything escaped, and one style and script inside the page."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

_FOLDER = Path(__file__).parent


def render(name: str, filters: dict[str, Callable[..., str]], **values: Any) -> str:
    """The page of the template ``name``. Every text in it is escaped by the template engine."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_FOLDER), autoescape=True, undefined=jinja2.StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    environment.filters.update(filters)
    return environment.get_template(name).render(
        style=Markup(stylesheet()),
        script=Markup((_FOLDER / "page.js").read_text(encoding="utf-8")),
        made=f"{datetime.datetime.now():%Y-%m-%d %H:%M:%S}",
        **values,
    )


def stylesheet() -> str:
    """The pages' style."""
    return (_FOLDER / "page.css").read_text(encoding="utf-8")
