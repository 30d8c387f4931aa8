"""Line charts as inline SVG: axes with round numbers, units, a legend, and values under the pointer.

The drawing stands on its own; the page's script adds the values from the points that each chart
carries as JSON. Colours are classes, so that the page's style can be dark or light.
"""

from __future__ import annotations

import dataclasses
import html
import json
import math
from collections.abc import Sequence

Point = tuple[float, float]

WIDTH, HEIGHT = 420, 250
_LEFT, _RIGHT, _TOP, _BOTTOM = 58, 12, 14, 34
_TICKS = 5
_MOST_POINTS = 1000
"""More than twice as many as there are pixels; further points would only make the page heavy."""


@dataclasses.dataclass(frozen=True)
class Series:
    """One curve."""

    label: str
    points: Sequence[Point]
    """(step, value), in the order of steps; values that are no finite number are left out."""


@dataclasses.dataclass(frozen=True)
class Chart:
    """Some curves over training steps, on one scale."""

    title: str
    unit: str
    """Of the values, in words."""
    series: Sequence[Series]


def svg(chart: Chart) -> str:
    """The chart as an ``<svg>`` element; empty when no curve has a point."""
    drawn = [Series(series.label, _thinned(_finite(series.points))) for series in chart.series]
    drawn = [series for series in drawn if series.points]
    if not drawn:
        return ""
    steps = [step for series in drawn for step, _ in series.points]
    values = [value for series in drawn for _, value in series.points]
    x_axis, y_axis = ticks(min(0.0, *steps), max(steps)), ticks(min(values), max(values))
    place = _Scale(x_axis[0], x_axis[-1], y_axis[0], y_axis[-1])
    parts = [*_grid(place, x_axis, y_axis), *_curves(place, drawn), *_legend(drawn)]
    label = html.escape(f"{chart.title}, {chart.unit}, by training step", quote=True)
    return (
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{label}" '
        f'data-chart="{html.escape(_data(place, drawn), quote=True)}">{"".join(parts)}</svg>'
    )


def ticks(least: float, greatest: float) -> list[float]:
    """Round numbers, about `_TICKS` of them, from at most ``least`` to at least ``greatest``.

    ``ticks(2.13, 8.71)`` is ``[2, 4, 6, 8, 10]``: a step of 1, 2 or 5 times a power of ten.
    """
    if not greatest > least:
        margin = abs(least) * 0.1 or 1.0
        least, greatest = least - margin, greatest + margin
    rough = (greatest - least) / _TICKS
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough * 0.999)
    first, last = math.floor(least / step + 1e-9), math.ceil(greatest / step - 1e-9)
    return [index * step for index in range(first, last + 1)]


def number(value: float) -> str:
    """Four digits, with thousands as ``k`` and millions as ``M``; small ones in scientific form."""
    if value == 0.0:
        return "0"
    size = abs(value)
    for unit, factor in (("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if size >= factor:
            return f"{value / factor:.4g}{unit}"
    return f"{value:.4g}" if size >= 1e-3 else f"{value:.3g}".replace("e-0", "e-")


@dataclasses.dataclass(frozen=True)
class _Scale:
    """From steps and values to places in the drawing."""

    least_x: float
    greatest_x: float
    least_y: float
    greatest_y: float

    def x(self, step: float) -> float:
        share = (step - self.least_x) / (self.greatest_x - self.least_x or 1.0)
        return round(_LEFT + share * (WIDTH - _LEFT - _RIGHT), 1)

    def y(self, value: float) -> float:
        share = (value - self.least_y) / (self.greatest_y - self.least_y or 1.0)
        return round(HEIGHT - _BOTTOM - share * (HEIGHT - _TOP - _BOTTOM), 1)


def _finite(points: Sequence[Point]) -> list[Point]:
    return [point for point in points if math.isfinite(point[1])]


def _thinned(points: Sequence[Point]) -> list[Point]:
    """At most `_MOST_POINTS` of the points, evenly, the last among them."""
    if len(points) <= _MOST_POINTS:
        return list(points)
    every = math.ceil(len(points) / _MOST_POINTS)
    return [*points[:-1:every], points[-1]]


def _grid(place: _Scale, x_axis: Sequence[float], y_axis: Sequence[float]) -> list[str]:
    bottom, right = HEIGHT - _BOTTOM, WIDTH - _RIGHT
    parts = []
    for value in y_axis:
        y = place.y(value)
        parts.append(f'<line class="grid" x1="{_LEFT}" x2="{right}" y1="{y}" y2="{y}"/>')
        parts.append(
            f'<text class="tick" x="{_LEFT - 6}" y="{y + 4}" text-anchor="end">{number(value)}</text>'
        )
    for step in x_axis:
        if not place.least_x <= step <= place.greatest_x:
            continue
        x = place.x(step)
        parts.append(f'<line class="grid" x1="{x}" x2="{x}" y1="{bottom}" y2="{bottom + 4}"/>')
        anchor = "end" if x > right - 14 else "middle"
        parts.append(
            f'<text class="tick" x="{x}" y="{bottom + 16}" text-anchor="{anchor}">{number(step)}</text>'
        )
    middle = (_LEFT + right) / 2
    parts.append(f'<text class="tick" x="{middle}" y="{HEIGHT - 4}" text-anchor="middle">step</text>')
    parts.append(f'<line class="axis" x1="{_LEFT}" x2="{right}" y1="{bottom}" y2="{bottom}"/>')
    return parts


def _curves(place: _Scale, drawn: Sequence[Series]) -> list[str]:
    parts = []
    for index, series in enumerate(drawn):
        places = [(place.x(step), place.y(value)) for step, value in series.points]
        line = " ".join(f"{x},{y}" for x, y in places)
        parts.append(f'<polyline class="curve c{index}" points="{line}"/>')
        if len(places) <= 40:
            parts += [f'<circle class="point c{index}" cx="{x}" cy="{y}" r="2"/>' for x, y in places]
    return parts


def _legend(drawn: Sequence[Series]) -> list[str]:
    """At the top right; one curve alone is named by the chart's title."""
    if len(drawn) < 2:
        return []
    parts, right = [], WIDTH - _RIGHT
    for index, series in enumerate(drawn):
        y = _TOP + 10 + 16 * index
        parts.append(
            f'<line class="curve c{index}" x1="{right - 18}" x2="{right}" y1="{y - 4}" y2="{y - 4}"/>'
        )
        name = html.escape(series.label)
        parts.append(f'<text class="legend" x="{right - 24}" y="{y}" text-anchor="end">{name}</text>')
    return parts


def _data(place: _Scale, drawn: Sequence[Series]) -> str:
    """What the page's script needs to find the values under the pointer, as JSON."""
    area = {"left": place.x(place.least_x), "right": place.x(place.greatest_x), "top": _TOP}
    steps = {"least": place.least_x, "greatest": place.greatest_x}
    curves = [
        {"label": series.label, "points": [[step, float(f"{value:.5g}")] for step, value in series.points]}
        for series in drawn
    ]
    values = {"least": place.least_y, "greatest": place.greatest_y}
    area["bottom"] = HEIGHT - _BOTTOM
    return json.dumps({"area": area, "x": steps, "y": values, "curves": curves}, separators=(",", ":"))
