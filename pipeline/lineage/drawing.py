"""A lineage as a picture: boxes in layers, from the source files at the top to the served version at the
bottom, and an arrow for whatever one stage took from another. Inline SVG, with the page's own colours or, in
a file of its own, with colours of its own.

The usual three steps (Sugiyama et al., 1981): a stage's layer is its longest way from the top; an arrow over
several layers gets a place in each that it passes; the places of a layer are put in the order of the mean
position of those before them, from above and from below in turn.
"""

from __future__ import annotations

import dataclasses
import functools
import itertools
from collections.abc import Mapping, Sequence
from html import escape

BOX_WIDTH, LINE_HEIGHT, PADDING = 320, 17, 10
LAYER_GAP, PLACE_GAP, PASSING_WIDTH, MARGIN = 34, 26, 36, 12
MAX_CHARACTERS = 38
"""Of a line in a box, at 12 pixels a line."""
_SWEEPS = 8

Edge = tuple[str, str]


@dataclasses.dataclass(frozen=True)
class Box:
    """One node: a title and a few lines."""

    title: str
    lines: tuple[str, ...] = ()

    @property
    def height(self) -> int:
        return 2 * PADDING + LINE_HEIGHT * (1 + len(self.lines))


@dataclasses.dataclass(frozen=True)
class _Place:
    """Where a box, or an arrow that passes, stands in its layer."""

    name: str
    is_box: bool

    @property
    def width(self) -> int:
        return BOX_WIDTH if self.is_box else PASSING_WIDTH


def svg(boxes: Mapping[str, Box], edges: Sequence[Edge], title: str, style: str = "") -> str:
    """The drawing of ``boxes``, by name, and of arrows between them, which must make no circle."""
    layers, links = _layered(list(boxes), [edge for edge in edges if set(edge) <= set(boxes)])
    layers = _ordered(layers, links)
    middles, tops, width, height = _positions(layers, boxes)
    parts = [_arrow(chain, middles, tops, boxes, layers) for chain in links]
    parts += [_box(boxes[name], middles[name], tops[name]) for name in boxes]
    return (
        f'<svg class="lineage-graph" xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" '
        f'role="img" aria-label="{escape(title)}" style="max-width: {width:g}px">'
        f"{f'<style>{style}</style>' if style else ''}"
        '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" '
        'orient="auto"><path class="tip-shape" d="M0 0 L8 4 L0 8 z"/></marker></defs>'
        f"{''.join(parts)}</svg>"
    )


def layers_of(names: Sequence[str], edges: Sequence[Edge]) -> dict[str, int]:
    """The layer of each name: the length of the longest way that leads to it."""
    found = dict.fromkeys(names, 0)
    for _ in names:
        for start, end in edges:
            found[end] = max(found[end], found[start] + 1)
    return found


def _layered(names: Sequence[str], edges: Sequence[Edge]) -> tuple[list[list[_Place]], list[list[str]]]:
    """The layers' places, and of each arrow the places that it goes through."""
    layer_of = layers_of(names, edges)
    layers: list[list[_Place]] = [[] for _ in range(max(layer_of.values()) + 1)]
    for name in names:
        layers[layer_of[name]].append(_Place(name, True))
    chains = []
    for start, end in dict.fromkeys(edges):
        chain = [start]
        for layer in range(layer_of[start] + 1, layer_of[end]):
            # Arrows that leave one box run together until they end.
            passing = f"{start} past {layer}"
            chain.append(passing)
            if all(place.name != passing for place in layers[layer]):
                layers[layer].append(_Place(passing, False))
        chains.append([*chain, end])
    return layers, chains


def _ordered(layers: list[list[_Place]], chains: Sequence[Sequence[str]]) -> list[list[_Place]]:
    above: dict[str, list[str]] = {}
    below: dict[str, list[str]] = {}
    for chain in chains:
        for upper, lower in itertools.pairwise(chain):
            above.setdefault(lower, []).append(upper)
            below.setdefault(upper, []).append(lower)
    for sweep in range(_SWEEPS):
        neighbours = above if sweep % 2 == 0 else below
        numbers = range(1, len(layers)) if sweep % 2 == 0 else range(len(layers) - 2, -1, -1)
        for number in numbers:
            beside = layers[number - 1 if sweep % 2 == 0 else number + 1]
            index = {place.name: i / max(1, len(beside) - 1) for i, place in enumerate(beside)}

            layers[number] = sorted(layers[number], key=functools.partial(_mean, index, neighbours))
    return layers


def _mean(index: Mapping[str, float], neighbours: Mapping[str, list[str]], place: _Place) -> float:
    """Of the positions, from 0 to 1, of what a place is joined to in the layer beside it."""
    found = [index[name] for name in neighbours.get(place.name, []) if name in index]
    return sum(found) / len(found) if found else 0.5


def _positions(
    layers: Sequence[Sequence[_Place]], boxes: Mapping[str, Box]
) -> tuple[dict[str, float], dict[str, float], float, float]:
    """Middle and top of every place, and the drawing's width and height; each layer is centred."""
    widths = [sum(place.width for place in layer) + PLACE_GAP * (len(layer) - 1) for layer in layers]
    width = max(widths) + 2 * MARGIN
    middles, tops, top = {}, {}, float(MARGIN)
    for layer, layer_width in zip(layers, widths, strict=True):
        left = (width - layer_width) / 2
        for place in layer:
            middles[place.name], tops[place.name] = left + place.width / 2, top
            left += place.width + PLACE_GAP
        top += max(boxes[place.name].height for place in layer if place.is_box) + LAYER_GAP
    return middles, tops, width, top - LAYER_GAP + MARGIN


def _arrow(
    chain: Sequence[str],
    middles: Mapping[str, float],
    tops: Mapping[str, float],
    boxes: Mapping[str, Box],
    layers: Sequence[Sequence[_Place]],
) -> str:
    heights = {
        place.name: max(boxes[each.name].height for each in layer if each.is_box)
        for layer in layers
        for place in layer
    }
    start, *passing, end = chain
    x, y = middles[start], tops[start] + boxes[start].height
    path = f"M{x:g} {y:g}"
    for name in [*passing, end]:
        to_x, to_y = middles[name], tops[name]
        bend = (to_y - y) / 2
        path += f" C{x:g} {y + bend:g} {to_x:g} {to_y - bend:g} {to_x:g} {to_y:g}"
        x, y = to_x, to_y
        if name != end:
            y += heights[name]
            path += f" L{x:g} {y:g}"
    return f'<path class="edge" d="{path}" marker-end="url(#tip)"/>'


def _box(box: Box, middle: float, top: float) -> str:
    left = middle - BOX_WIDTH / 2
    x, y = left + PADDING, top + PADDING + 12
    texts = [f'<text class="title" x="{x:g}" y="{y:g}">{escape(_fit(box.title))}</text>']
    for number, line in enumerate(box.lines, start=1):
        whole, shown = escape(line), escape(_fit(line))
        texts.append(f'<text x="{x:g}" y="{y + LINE_HEIGHT * number:g}"><title>{whole}</title>{shown}</text>')
    return (
        f'<g class="node"><rect x="{left:g}" y="{top:g}" width="{BOX_WIDTH}" height="{box.height}" rx="6"/>'
        f"{''.join(texts)}</g>"
    )


def _fit(line: str) -> str:
    return line if len(line) <= MAX_CHARACTERS else f"{line[: MAX_CHARACTERS - 1]}…"
