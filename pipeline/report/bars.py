"""Histograms over a logarithmic scale, and bars for the cells of tables, as inline SVG.

Drawn without a script: a column says its range and count where the pointer rests on it.
"""

from __future__ import annotations

import html
import math
from collections.abc import Mapping

from pipeline.report.chart import HEIGHT, WIDTH, number, ticks

_LEFT, _RIGHT, _TOP, _BOTTOM = 58, 12, 14, 34


def histogram(title: str, unit: str, class_to_count: Mapping[int, int], classes_per_decade: int = 10) -> str:
    """An ``<svg>`` of how many documents are how long; empty where there are none.

    Args:
      unit: of the lengths, in words.
      class_to_count: of class ``k`` are lengths from ``10 ** (k / classes_per_decade)`` on.
    """
    if not class_to_count:
        return ""
    least, end = min(class_to_count), max(class_to_count) + 1
    # A few columns stay columns.
    least, end = min(least, max(0, end - classes_per_decade)), max(end, classes_per_decade)
    width = (WIDTH - _LEFT - _RIGHT) / (end - least)
    y_axis = ticks(0, max(class_to_count.values()))
    height = (HEIGHT - _TOP - _BOTTOM) / y_axis[-1]
    bottom = HEIGHT - _BOTTOM
    parts = []
    for value in y_axis:
        y = round(bottom - value * height, 1)
        parts.append(f'<line class="grid" x1="{_LEFT}" x2="{WIDTH - _RIGHT}" y1="{y}" y2="{y}"/>')
        parts.append(
            f'<text class="tick" x="{_LEFT - 6}" y="{y + 4}" text-anchor="end">{number(value)}</text>'
        )
    for index, count in sorted(class_to_count.items()):
        x, tall = round(_LEFT + (index - least) * width, 1), round(count * height, 1)
        first, last = (math.ceil(10 ** (k / classes_per_decade) - 1e-9) for k in (index, index + 1))
        says = html.escape(f"{first:,} to {max(first, last - 1):,} {unit}: {count:,}")
        parts.append(
            f'<rect class="bar" x="{x}" y="{round(bottom - tall, 1)}" width="{max(width - 1, 1):.1f}" '
            f'height="{tall}"><title>{says}</title></rect>'
        )
    parts += _scale(least, end, width, classes_per_decade)
    label = html.escape(f"{title}: documents by length in {unit}", quote=True)
    return f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{label}">{"".join(parts)}</svg>'


def bar(share: float) -> str:
    """A bar as long as ``share`` of its cell."""
    width = round(100 * min(max(share, 0.0), 1.0), 1)
    return (
        '<svg class="share" viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true">'
        f'<rect class="bar" width="{width}" height="8"/></svg>'
    )


def _scale(least: int, end: int, width: float, classes_per_decade: int) -> list[str]:
    """Round lengths below the columns: 1, 10, 100, …, and 2 and 5 times these where there is room."""
    bottom, right = HEIGHT - _BOTTOM, WIDTH - _RIGHT
    factors = (1, 2, 5) if end - least <= 2.5 * classes_per_decade else (1,)
    parts = [f'<line class="axis" x1="{_LEFT}" x2="{right}" y1="{bottom}" y2="{bottom}"/>']
    for decade in range(least // classes_per_decade, end // classes_per_decade + 1):
        for factor in factors:
            place = classes_per_decade * (decade + math.log10(factor))
            if not least - 1e-9 <= place <= end + 1e-9:
                continue
            x = round(_LEFT + (place - least) * width, 1)
            anchor = "end" if x > right - 14 else "middle"
            parts.append(f'<line class="grid" x1="{x}" x2="{x}" y1="{bottom}" y2="{bottom + 4}"/>')
            parts.append(
                f'<text class="tick" x="{x}" y="{bottom + 16}" text-anchor="{anchor}">'
                f"{number(factor * 10**decade)}</text>"
            )
    return parts
