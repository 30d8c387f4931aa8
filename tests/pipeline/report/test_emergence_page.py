from __future__ import annotations

import csv
import io
import re

import pytest

from components.emergence_report import prediction, report, table
from components.rung_recorder.record import RungRecord, TaskScores
from pipeline.config import load
from pipeline.report import emergence_page, emergence_picture


def _task(label: str, right: float, tokens: float) -> TaskScores:
    items = tuple(map(str, range(100)))
    return TaskScores(
        label=label, chance=0.01, sharp_metric="exact_match", smooth_metric="token_accuracy", items=items,
        target_tokens=(4,) * 100, sharp=tuple(float(index < 100 * right) for index in range(100)),
        smooth=tuple(min(1.0, tokens + 0.1 * (index % 2) - 0.05) for index in range(100)),
        log_probability=tokens - 1.2, metrics={"exact_match": right},
    )  # fmt: skip


LADDERS = {
    "transformer": [(0.0, 0.3), (0.0, 0.31), (0.01, 0.32), (0.97, 0.99), (0.99, 0.995)],
    "lstm": [(0.0, 0.3), (0.0, 0.3), (0.0, 0.31), (0.01, 0.32), (0.01, 0.33)],
}


def _records() -> list[RungRecord]:
    return [
        RungRecord(
            name=f"r{index}", family=family, seed=seed, num_parameters=1000 * 3**index, num_tokens=10**6,
            compute=6e9 * 3**index, loss=2.0 - 0.3 * index - 0.1 * seed, bits_per_byte=2.0,
            training_seconds=9.0, recorded_at="2026-01-02",
            training_began_at="2027-01-01", weights_sha256=f"{family}{index}{seed}",
            tasks=(_task("addition <reversed>", right, tokens),),
        )
        for family, scores in LADDERS.items()
        for index, (right, tokens) in enumerate(scores)
        for seed in (0, 1)
    ]  # fmt: skip


@pytest.fixture(scope="module")
def reading():
    records = _records()
    smaller = [each for each in records if each.family == "transformer" and each.name != "r4"]
    return report.make(records, [prediction.predict(smaller, "r4", 6e9 * 81)])


@pytest.fixture(scope="module")
def page(reading, tmp_path_factory):
    path = tmp_path_factory.mktemp("page") / "emergence.html"
    path.write_text(emergence_page.render(load("emergence"), reading, ["lstm r9: broke"]), encoding="utf-8")
    return path


def test_the_reading_has_a_verdict_for_each_task_of_each_family(reading) -> None:
    assert [(task.family, task.verdict) for task in reading.tasks] == [
        ("transformer", "emergent"), ("lstm", "not learned"),
    ]  # fmt: skip
    assert reading.tasks[0].threshold.last_at_chance == pytest.approx(1.35)
    assert reading.tasks[0].threshold.first_above == pytest.approx(1.05)


def test_the_page_says_verdicts_reasons_figures_and_failures(page) -> None:
    text = page.read_text()

    for words in (
        "addition &lt;reversed&gt;", "emergent", "not learned", "lstm r9: broke", "100 items",
        "the lstm not up to 4.9e+11 FLOPs", "the transformer from 1.6e+11 FLOPs (r3)",
        "before it was trained", "SHA-256",
    ):  # fmt: skip
        assert words in text
    assert "http://" not in text.replace("http://www.w3.org/2000/svg", "")


def test_points_carry_their_values(page) -> None:
    titles = re.findall(r"<title>transformer r3: exact match ([^<]*)</title>", page.read_text())

    assert titles[0].startswith("0.970 (0.9")
    assert "seeds 0.970, 0.970" in titles[0]


def test_the_table_has_a_line_for_each_task_of_each_model() -> None:
    rows = list(csv.DictReader(io.StringIO(table.render(_records()))))

    assert len(rows) == 20
    first = next(row for row in rows if row["family"] == "transformer" and row["rung"] == "r3")
    assert float(first["sharp"]) == 0.97
    assert float(first["sharp_low"]) < 0.97 < float(first["sharp_high"])
    assert float(first["compute_flops"]) == 6e9 * 27


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_fits_and_its_charts_are_drawn(page, browser_page, width, scheme) -> None:
    shown = browser_page(f"file://{page}", viewport={"width": width, "height": 900}, color_scheme=scheme)
    charts = shown.locator("figure svg")

    assert charts.count() == 6
    for chart in charts.all():
        box = chart.bounding_box()
        assert box["width"] <= width
        assert box["height"] > 150
    body = shown.locator("main").bounding_box()
    assert body["x"] >= 0
    assert body["width"] <= width


def test_the_legend_stands_above_the_plot(reading) -> None:
    drawing = str(emergence_page.overview(reading, "transformer"))
    several = next(
        str(chart) for section in [emergence_page._section(reading, reading.labels[0])]
        for title, chart in section.charts if title == "against compute"
    )  # fmt: skip

    assert 'class="legend"' not in drawing  # A single task is named by the title.
    legend = [float(y) for y in re.findall(r'<text class="legend" x="[\d.]+" y="([\d.]+)"', several)]
    points = [float(y) for y in re.findall(r'cy="([\d.]+)"', several)]
    assert len(legend) == 4
    assert max(legend) < min(points)


def test_on_a_phone_the_reason_of_a_verdict_is_read_without_scrolling(page, browser_page) -> None:
    shown = browser_page(f"file://{page}", viewport={"width": 390, "height": 900})

    for reason in shown.locator(".verdicts .reason").all():
        box = reason.bounding_box()
        assert box["width"] > 250
        assert box["x"] + box["width"] <= 390


def test_the_picture_is_a_small_file_that_stands_alone(reading, tmp_path, browser_page) -> None:
    path = tmp_path / "emergence.svg"
    path.write_text(emergence_picture.render(reading), encoding="utf-8")
    shown = browser_page(f"file://{path}")

    assert path.stat().st_size < 40_000
    assert shown.locator("text=transformer").first.is_visible()
    assert shown.locator("polyline").count() == 2
    assert shown.locator("polyline").first.evaluate("line => getComputedStyle(line).stroke") != "none"


def test_every_curve_of_the_picture_has_its_colour(reading) -> None:
    picture = emergence_picture.render(reading)
    for colour in set(re.findall(r'class="curve (c\d)', picture)):
        assert f".{colour} {{ stroke: var(--{colour})" in picture
        assert f".point.{colour} {{ fill: var(--{colour})" in picture
