import itertools
import json
import math
import re
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.report.chart import HEIGHT, WIDTH, Chart, Series, number, svg, ticks

_VALUES = st.floats(-1e12, 1e12, allow_subnormal=False)


def _drawn(*series):
    text = svg(Chart("Loss", "nats & <tokens>", series))
    return ElementTree.fromstring(text)


def _data(element):
    return json.loads(element.attrib["data-chart"])


def test_ticks_are_round_numbers_around_the_values():
    assert ticks(2.13, 8.71) == [2, 4, 6, 8, 10]
    assert ticks(0, 300) == [0, 100, 200, 300]
    assert ticks(0.0, 0.002) == pytest.approx([0, 0.0005, 0.001, 0.0015, 0.002])


@given(least=_VALUES, greatest=_VALUES)
def test_ticks_are_few_even_and_enclose_the_values(least, greatest):
    least, greatest = min(least, greatest), max(least, greatest)
    found = ticks(least, greatest)
    size = max(abs(found[0]), abs(found[-1]))
    assert found[0] <= least + 1e-9 * size
    assert found[-1] >= greatest - 1e-9 * size
    assert 2 <= len(found) <= 12
    steps = [b - a for a, b in itertools.pairwise(found)]
    assert max(steps) == pytest.approx(min(steps), rel=1e-3, abs=1e-9 * size)


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0, "0"), (3.14159, "3.142"), (12_345, "12.35k"), (1_500_000, "1.5M"), (0.002, "0.002"),
     (2e-5, "2e-5"), (-4.0, "-4"), (300.0, "300")],
)  # fmt: skip
def test_numbers_are_short(value, text):
    assert number(value) == text


def test_a_curve_goes_through_its_points_within_the_drawing():
    element = _drawn(Series("training", [(10, 4.0), (20, 2.0), (30, 3.0)]))
    [line] = element.findall("polyline")
    places = [tuple(map(float, place.split(","))) for place in line.attrib["points"].split()]
    assert [x for x, _ in places] == sorted(x for x, _ in places)
    assert places[1][1] > places[2][1] > places[0][1]  # Downwards on the page is less.
    assert all(0 < x < WIDTH and 0 < y < HEIGHT for x, y in places)
    assert _data(element)["curves"][0]["points"] == [[10, 4], [20, 2], [30, 3]]


def test_places_and_the_data_for_the_pointer_agree():
    element = _drawn(Series("a", [(0, 1.0), (50, 5.0), (100, 3.0)]))
    data = _data(element)
    places = [place.split(",") for place in element.find("polyline").attrib["points"].split()]
    for (step, value), (x, y) in zip(data["curves"][0]["points"], places, strict=True):
        share = step / data["x"]["greatest"]
        assert float(x) == pytest.approx(
            data["area"]["left"] + share * (data["area"]["right"] - data["area"]["left"]), abs=0.1
        )
        share = (value - data["y"]["least"]) / (data["y"]["greatest"] - data["y"]["least"])
        assert float(y) == pytest.approx(
            data["area"]["bottom"] - share * (data["area"]["bottom"] - data["area"]["top"]), abs=0.1
        )


def test_two_curves_have_a_legend_and_one_has_none():
    two = _drawn(Series("training", [(1, 1.0)]), Series("validation <b>", [(1, 2.0)]))
    legend = [text for text in two.findall("text") if text.attrib["class"] == "legend"]
    assert [text.text for text in legend] == ["training", "validation <b>"]
    lines = [line for line in two.findall("line") if line.attrib["class"].startswith("curve")]
    assert len(lines) == 2
    assert all(0 < float(line.attrib[end]) < WIDTH for line in lines for end in ("x1", "x2"))
    one = _drawn(Series("training", [(1, 1.0)]), Series("validation", []))
    assert not [text for text in one.findall("text") if text.attrib["class"] == "legend"]


def test_values_that_are_no_numbers_are_left_out():
    element = _drawn(Series("a", [(1, 1.0), (2, math.nan), (3, math.inf), (4, 2.0)]))
    assert _data(element)["curves"][0]["points"] == [[1, 1], [4, 2]]
    assert svg(Chart("Loss", "nats", [Series("a", [(1, math.nan)]), Series("b", [])])) == ""


def test_a_long_curve_is_thinned_evenly_and_keeps_its_end():
    element = _drawn(Series("a", [(step, float(step)) for step in range(1, 12_346)]))
    points = _data(element)["curves"][0]["points"]
    assert 500 < len(points) <= 1001
    assert points[-1][0] == 12_345
    gaps = {b[0] - a[0] for a, b in itertools.pairwise(points[:-1])}
    assert len(gaps) == 1


def test_the_drawing_says_what_it_shows_to_those_who_do_not_see_it():
    element = _drawn(Series("a", [(1, 1.0)]))
    assert element.attrib["role"] == "img"
    assert element.attrib["aria-label"] == "Loss, nats & <tokens>, by training step"
    assert re.search(r">step<", svg(Chart("Loss", "nats", [Series("a", [(1, 1.0)])])))
