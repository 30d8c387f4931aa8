"""Boxes in layers, and arrows between them."""

import re
from xml.etree import ElementTree

from pipeline.lineage import drawing
from pipeline.lineage.drawing import Box

EDGES = [("a", "b"), ("b", "c"), ("c", "d"), ("a", "d"), ("a", "c")]
BOXES = {name: Box(name, (f"line of {name}",)) for name in "abcd"}


def _tops(svg):
    root = ElementTree.fromstring(svg)
    found = {}
    for node in root.iter("{http://www.w3.org/2000/svg}g"):
        rect, title = node[0], node[1]
        found[title.text] = (float(rect.get("x")), float(rect.get("y")), float(rect.get("height")))
    return found


def test_a_box_stands_below_everything_that_leads_to_it():
    assert drawing.layers_of("abcd", EDGES) == {"a": 0, "b": 1, "c": 2, "d": 3}
    tops = _tops(drawing.svg(BOXES, EDGES, "t"))
    for start, end in EDGES:
        assert tops[start][1] + tops[start][2] < tops[end][1]


def test_boxes_of_one_layer_stand_side_by_side():
    tops = _tops(drawing.svg(BOXES, [("a", "b"), ("a", "c"), ("b", "d"), ("c", "d")], "t"))
    assert tops["b"][1] == tops["c"][1]
    assert abs(tops["b"][0] - tops["c"][0]) >= drawing.BOX_WIDTH


def test_an_arrow_over_several_layers_passes_beside_the_boxes():
    svg = drawing.svg(BOXES, EDGES, "t")
    tops = _tops(svg)
    straight = re.findall(r"([\d.]+) ([\d.]+) L([\d.]+) ([\d.]+)", svg)
    assert straight
    for x, top, _, bottom in ((float(a), float(b), c, float(d)) for a, b, c, d in straight):
        for left, box_top, height in tops.values():
            beside = x < left or x > left + drawing.BOX_WIDTH
            apart = bottom <= box_top or top >= box_top + height
            assert beside or apart


def test_texts_are_escaped_and_cut_to_the_box():
    svg = drawing.svg({"a": Box("<b>&", ("x" * 200,))}, [], 'a "title" <')
    root = ElementTree.fromstring(svg)
    texts = ["".join(each.itertext()) for each in root.iter("{http://www.w3.org/2000/svg}text")]
    assert texts[0] == "<b>&"
    assert texts[1].endswith("x…")
    assert root.get("aria-label") == 'a "title" <'


def test_an_arrow_to_what_is_not_drawn_is_left_out():
    assert drawing.svg(BOXES, [("a", "b"), ("a", "elsewhere")], "t").count('class="edge"') == 1
