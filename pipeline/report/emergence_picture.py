"""A ladder in one small picture: an SVG file of its own, every task of each family, side by side.

It has its style inside, in the colours of the pages, light or dark as the reader has it.
"""

from __future__ import annotations

import re

from components.emergence_report.report import EmergenceReading
from pipeline.report import emergence_page
from pipeline.report.chart import WIDTH
from pipeline.report.templates import stylesheet

FILE = "emergence.svg"
_GAP, _HEADING = 16, 24
_CLASSES = {
    "grid",
    "axis",
    "tick",
    "legend",
    "curve",
    "point",
    "rule",
    "dashed",
    *(f"c{i}" for i in range(6)),
}


def render(reading: EmergenceReading) -> str:
    """The whole file."""
    families = emergence_page.families(reading)
    parts, height = [], 0
    for index, family in enumerate(families):
        left = index * (WIDTH + _GAP)
        chart = str(emergence_page.overview(reading, family))
        found = re.match(r'<svg viewBox="0 0 \d+ (\d+)"', chart)
        assert found is not None
        height = max(height, _HEADING + int(found[1]))
        placed = f'<svg x="{left}" y="{_HEADING}" width="{WIDTH}" height="{found[1]}" viewBox'
        parts.append(f'<text class="legend" x="{left + 44}" y="16" font-weight="700">{family}</text>')
        parts.append(chart.replace("<svg viewBox", placed, 1))
    width = len(families) * (WIDTH + _GAP) - _GAP
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" '
        f'height="{height}"><style>{_style()}</style><rect class="page" width="{width}" height="{height}"/>'
        f"{''.join(parts)}</svg>\n"
    )


def _style() -> str:
    """Of the pages' style the colours, and the rules of what a chart has."""
    style = stylesheet()
    colours = style[: style.index("* { box-sizing")]
    rules = [
        rule
        for rule in re.findall(r"(?:^|(?<=\})) *(\.[^{}]+\{[^}]*\})", style, re.MULTILINE)
        if set(re.findall(r"\.([\w-]+)", rule.partition("{")[0])) <= _CLASSES
    ]
    return " ".join([colours, *rules, ".page { fill: var(--page); }"]).replace("\n", " ")
