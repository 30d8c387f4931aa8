"""Marks on a scale as inline SVG: a value with its interval, and what it is compared with; and the
reliability diagram."""

from __future__ import annotations

import html
from collections.abc import Sequence

import numpy as np

from pipeline.report.chart import HEIGHT, WIDTH, number

_LEFT, _RIGHT, _TOP, _BOTTOM = 58, 12, 14, 34
_COUNTS = 46
"""Height of the columns below the reliability diagram."""


def interval_bar(
    value: float,
    interval: tuple[float, float],
    scale: tuple[float, float],
    marks: Sequence[tuple[float, str, str]] = (),
) -> str:
    """A dot with its interval, on a scale from its least to its greatest value.

    Args:
      marks: others on the same scale: value, class, what it is in words.
    """
    least, greatest = scale

    def x(number_on_scale: float) -> float:
        share = (number_on_scale - least) / (greatest - least or 1.0)
        return round(4 + 192 * min(max(share, 0.0), 1.0), 1)

    parts = [
        '<line class="axis" x1="4" x2="196" y1="9" y2="9"/>',
        f'<line class="curve c0" x1="{x(interval[0])}" x2="{x(interval[1])}" y1="9" y2="9"/>',
    ]
    for place, name, words in marks:
        parts.append(
            f'<line class="mark {name}" x1="{x(place)}" x2="{x(place)}" y1="2" y2="16">'
            f"<title>{html.escape(words)}: {number(place)}</title></line>"
        )
    parts.append(f'<circle class="point c0" cx="{x(value)}" cy="9" r="4"/>')
    words = f"{number(value)}, interval {number(interval[0])} to {number(interval[1])}"
    others = "".join(f"; {words} {number(place)}" for place, _, words in marks)
    label = html.escape(words + others, quote=True)
    return (
        f'<svg class="interval" viewBox="0 0 200 18" role="img" aria-label="{label}">{"".join(parts)}</svg>'
    )


def reliability(sums: np.ndarray) -> str:
    """The reliability diagram (arXiv 1706.04599, figure 1): accuracy by confidence, and below it how many
    tokens.

    Args:
      sums: tokens, confidence and correct ones by bin, ``(3, bins)``.
    """
    tokens, confidence, correct = sums
    bins = len(tokens)
    width = (WIDTH - _LEFT - _RIGHT) / bins
    bottom, most = HEIGHT - _BOTTOM, max(float(tokens.max()), 1.0)
    tall = bottom - _TOP
    parts = list(_frame(bottom, tall))
    for index in np.flatnonzero(tokens):
        accuracy, mean = float(correct[index] / tokens[index]), float(confidence[index] / tokens[index])
        x, y = round(_LEFT + index * width, 1), round(bottom - accuracy * tall, 1)
        says = html.escape(
            f"confidence {index / bins:.2f} to {(index + 1) / bins:.2f}: {tokens[index]:,.0f} tokens, mean "
            f"confidence {mean:.3f}, of which right {accuracy:.3f}"
        )
        count = round(float(tokens[index]) / most * (_COUNTS - 6), 1)
        base = HEIGHT + _COUNTS
        parts += [
            f'<rect class="bar" x="{x}" y="{y}" width="{width - 1:.1f}" height="{bottom - y:.1f}">'
            f"<title>{says}</title></rect>",
            f'<line class="curve c1" x1="{x}" x2="{x + width - 1:.1f}" y1="{bottom - mean * tall:.1f}" '
            f'y2="{bottom - mean * tall:.1f}"/>',
            f'<rect class="bar" x="{x}" y="{base - count}" width="{width - 1:.1f}" height="{count}">'
            f"<title>{says}</title></rect>",
        ]
    parts.append(
        f'<line class="rule" x1="{_LEFT}" x2="{WIDTH - _RIGHT}" y1="{bottom}" y2="{_TOP}"/>'
        f'<text class="tick" x="{_LEFT - 6}" y="{HEIGHT + _COUNTS - 12}" text-anchor="end">tokens</text>'
    )
    label = "Reliability diagram: share of right tokens by the model's confidence in the likeliest"
    size = f"0 0 {WIDTH} {HEIGHT + _COUNTS + 4}"
    return f'<svg viewBox="{size}" role="img" aria-label="{label}">{"".join(parts)}</svg>'


def _frame(bottom: float, tall: float) -> list[str]:
    """Lines and numbers at the fifths of both axes."""
    parts, right = [], WIDTH - _RIGHT
    for share in (0.0, 0.2, 0.4, 0.6, 0.8, 1.0):
        x, y = round(_LEFT + share * (right - _LEFT), 1), round(bottom - share * tall, 1)
        anchor = "end" if share == 1.0 else "middle"
        parts += [
            f'<line class="grid" x1="{_LEFT}" x2="{right}" y1="{y}" y2="{y}"/>',
            f'<text class="tick" x="{_LEFT - 6}" y="{y + 4}" text-anchor="end">{share:g}</text>',
            f'<text class="tick" x="{x}" y="{bottom + 16}" text-anchor="{anchor}">{share:g}</text>',
        ]
    middle = (_LEFT + right) / 2
    parts.append(f'<text class="tick" x="{middle}" y="{HEIGHT - 4}" text-anchor="middle">confidence</text>')
    return parts
