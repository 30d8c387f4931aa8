"""Charts of a ladder as inline SVG: scores from 0 to 1 against compute or loss, with intervals.

A curve a family, in the colours of `pipeline.report.chart`; whole lines and filled points for the sharp
metric, dashed lines and hollow points for the one with partial credit. Each point carries its values as a
title, which browsers show under the pointer and read aloud. The legend stands above, where no curve is, and
makes the drawing that much higher.
"""

from __future__ import annotations

import dataclasses
import html
import math
from collections.abc import Iterator, Sequence

from pipeline.report.chart import HEIGHT, WIDTH, number, ticks

_LEFT, _RIGHT, _TOP, _BOTTOM = 44, 14, 12, 38
_LEGEND_LINE = 16
_SHORT_LABEL = 22
"""Characters up to which two labels of a legend stand side by side."""


@dataclasses.dataclass(frozen=True)
class Mark:
    """A point, and its interval where there is one."""

    x: float
    y: float
    low: float | None
    high: float | None
    title: str


@dataclasses.dataclass(frozen=True)
class Line:
    """One metric of one family."""

    label: str
    marks: Sequence[Mark]
    """By ``x``."""
    colour: int
    is_dashed: bool = False


@dataclasses.dataclass(frozen=True)
class LadderChart:
    """Lines on one scale."""

    title: str
    axis: str
    """What ``x`` is, with its unit."""
    lines: Sequence[Line]
    is_log: bool
    is_falling: bool = False
    """Whether ``x`` grows to the left, as with a loss: better is on the right."""
    chance: float | None = None
    rule: tuple[float, str] | None = None
    """A place on the x axis, and what it is."""
    least: float = 0.0
    greatest: float = 1.0
    """Of the y axis."""

    @property
    def legend_columns(self) -> int:
        return 2 if all(len(line.label) <= _SHORT_LABEL for line in self.lines) else 1

    @property
    def top(self) -> int:
        """Where the plot begins, below the legend."""
        rows = math.ceil(len(self.lines) / self.legend_columns) if len(self.lines) > 1 else 0
        return _TOP + _LEGEND_LINE * rows

    @property
    def height(self) -> int:
        return HEIGHT - _TOP + self.top


def svg(chart: LadderChart) -> str:
    """The chart as an ``<svg>`` element; empty without a mark."""
    places = [mark.x for line in chart.lines for mark in line.marks]
    if not places:
        return ""
    scale = _Scale(chart, min(places), max(places))
    label = html.escape(f"{chart.title}, by {chart.axis}", quote=True)
    parts = [*_grid(chart, scale), *_drawn(chart, scale), *_legend(chart)]
    return f'<svg viewBox="0 0 {WIDTH} {chart.height}" role="img" aria-label="{label}">{"".join(parts)}</svg>'


class _Scale:
    """From values to places in the drawing."""

    def __init__(self, chart: LadderChart, least: float, greatest: float) -> None:
        self._chart = chart
        if chart.is_log:
            low, high = math.log10(least), math.log10(greatest)
            margin = 0.04 * (high - low) or 0.5
        else:
            low, high = least, greatest
            margin = 0.04 * (high - low) or 0.1 * abs(low) or 1.0
        self.low, self.high = low - margin, high + margin

    def x(self, value: float) -> float:
        place = math.log10(value) if self._chart.is_log else value
        share = (place - self.low) / (self.high - self.low)
        share = 1.0 - share if self._chart.is_falling else share
        return round(_LEFT + share * (WIDTH - _LEFT - _RIGHT), 1)

    def y(self, value: float) -> float:
        least, greatest = self._chart.least, self._chart.greatest
        share = min(max((value - least) / (greatest - least), 0.0), 1.0)
        return round(self._chart.height - _BOTTOM - share * (HEIGHT - _TOP - _BOTTOM), 1)

    def x_ticks(self) -> list[tuple[float, str]]:
        """Powers of ten, or 1, 2 and 5 times one where there are few."""
        if not self._chart.is_log:
            inside = [value for value in ticks(self.low, self.high) if self.low <= value <= self.high]
            return [(value, number(value)) for value in inside]
        powers = range(math.floor(self.low), math.ceil(self.high) + 1)
        factors = (1,) if self.high - self.low > 2.5 else (1, 3)
        values = [factor * 10.0**power for power in powers for factor in factors]
        return [(value, _power(value)) for value in values if self.low <= math.log10(value) <= self.high]


def _power(value: float) -> str:
    return f"{value:.0e}".replace("e+0", "e").replace("e+", "e")


def _grid(chart: LadderChart, scale: _Scale) -> Iterator[str]:
    bottom, right = chart.height - _BOTTOM, WIDTH - _RIGHT
    for value in ticks(chart.least, chart.greatest):
        if not chart.least - 1e-9 <= value <= chart.greatest + 1e-9:
            continue
        y = scale.y(value)
        yield f'<line class="grid" x1="{_LEFT}" x2="{right}" y1="{y}" y2="{y}"/>'
        yield f'<text class="tick" x="{_LEFT - 6}" y="{y + 4}" text-anchor="end">{value:g}</text>'
    for value, text in scale.x_ticks():
        x = scale.x(value)
        yield f'<line class="grid" x1="{x}" x2="{x}" y1="{bottom}" y2="{bottom + 4}"/>'
        yield f'<text class="tick" x="{x}" y="{bottom + 16}" text-anchor="middle">{text}</text>'
    middle = (_LEFT + right) / 2
    axis = html.escape(chart.axis)
    yield f'<text class="tick" x="{middle}" y="{chart.height - 5}" text-anchor="middle">{axis}</text>'
    yield f'<line class="axis" x1="{_LEFT}" x2="{right}" y1="{bottom}" y2="{bottom}"/>'
    if chart.chance is not None:
        y = scale.y(chart.chance)
        title = f"<title>a guess: {chart.chance:.3g}</title>"
        yield f'<line class="rule" x1="{_LEFT}" x2="{right}" y1="{y}" y2="{y}">{title}</line>'
        yield f'<text class="tick" x="{right}" y="{y - 4}" text-anchor="end">guess</text>'
    if chart.rule is not None:
        x = scale.x(chart.rule[0])
        yield f'<line class="rule" x1="{x}" x2="{x}" y1="{chart.top}" y2="{bottom}"/>'
        yield f'<text class="tick" x="{x + 4}" y="{chart.top + 12}">{html.escape(chart.rule[1])}</text>'


def _drawn(chart: LadderChart, scale: _Scale) -> Iterator[str]:
    for line in chart.lines:
        dashed = " dashed" if line.is_dashed else ""
        points = " ".join(f"{scale.x(mark.x)},{scale.y(mark.y)}" for mark in line.marks)
        yield f'<polyline class="curve c{line.colour}{dashed}" points="{points}"/>'
        for mark in line.marks:
            x, y = scale.x(mark.x), scale.y(mark.y)
            if mark.low is not None and mark.high is not None:
                ends = f'y1="{scale.y(mark.low)}" y2="{scale.y(mark.high)}"'
                yield f'<line class="curve c{line.colour}" x1="{x}" x2="{x}" {ends}/>'
            kind = "hollow" if line.is_dashed else "point"
            title = f"<title>{html.escape(mark.title)}</title>"
            yield f'<circle class="{kind} c{line.colour}" cx="{x}" cy="{y}" r="3.2">{title}</circle>'


def _legend(chart: LadderChart) -> Iterator[str]:
    """Above the plot; of a single line, none."""
    if len(chart.lines) < 2:
        return
    columns = chart.legend_columns
    for index, line in enumerate(chart.lines):
        row, column = divmod(index, columns)
        left = _LEFT + column * (WIDTH - _LEFT) // columns
        y = 10 + _LEGEND_LINE * row
        dashed = " dashed" if line.is_dashed else ""
        yield (
            f'<line class="curve c{line.colour}{dashed}" x1="{left}" x2="{left + 22}" '
            f'y1="{y - 4}" y2="{y - 4}"/>'
        )
        yield f'<text class="legend" x="{left + 28}" y="{y}">{html.escape(line.label)}</text>'
