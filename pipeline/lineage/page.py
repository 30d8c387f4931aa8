"""A lineage's picture, and the page around it."""

from __future__ import annotations

from markupsafe import Markup

from components.progress import format_bytes
from pipeline.lineage import drawing, text
from pipeline.lineage.drawing import Box
from pipeline.lineage.graph import FILES, SERVED, Lineage
from pipeline.report import templates

_BOX_LINES = 3
_ALONE = (
    ":root{--page:#fff;--text:#1c2024;--quiet:#5c656e;--line:#b9c1c9;--panel:#f5f7f9;--c0:#0b62c4}"
    "@media(prefers-color-scheme:dark){:root{--page:#14171a;--text:#e6e9ec;--quiet:#9aa4ad;--line:#4a535b;"
    "--panel:#1d2226;--c0:#6cb0ff}}svg{background:var(--page)}"
)
"""What the page's own style sheet gives where the picture is in a page."""
_STYLE = (
    ".node rect{fill:var(--panel);stroke:var(--line)}"
    ".node text{fill:var(--quiet);font:12px system-ui,sans-serif}"
    ".node text.title{fill:var(--text);font-weight:700;font-size:13px}"
    ".edge{fill:none;stroke:var(--c0);stroke-width:1.4}.tip-shape{fill:var(--c0)}"
)


def picture(lineage: Lineage, is_alone: bool = True) -> str:
    """SVG; ``is_alone``: a file of its own."""
    boxes = {FILES: Box("Source files", (text.files_summary(lineage.files), *_sources(lineage)))}
    for step in lineage.steps:
        lines = [f"{fact.name}: {fact.value}" for fact in step.facts][:_BOX_LINES]
        boxes[step.stage] = Box(step.stage, (f"{step.started}, {step.seconds:.1f} s", *lines))
    uuid = (lineage.uuid,) if lineage.uuid else ()
    boxes[SERVED] = Box(f"{lineage.pipeline} version {lineage.version}", (lineage.folder, *uuid))
    edges = [(maker, user) for maker, user, _ in lineage.edges]
    title = f"Where version {lineage.version} of {lineage.pipeline} comes from"
    return drawing.svg(boxes, edges, title, _ALONE + _STYLE if is_alone else _STYLE)


def render(lineage: Lineage) -> str:
    """The whole page."""
    return templates.render(
        "lineage.html.j2",
        {"bytes": format_bytes},
        lineage=lineage,
        picture=Markup(picture(lineage, is_alone=False)),
        files_summary=text.files_summary(lineage.files),
    )


def _sources(lineage: Lineage) -> list[str]:
    counts: dict[str, int] = {}
    for file in lineage.files:
        counts[file.source] = counts.get(file.source, 0) + 1
    return [f"{name}: {count:,}" for name, count in counts.items()][:_BOX_LINES]
