import dataclasses
import re

import numpy as np
import pytest

from components.evaluator.verdict import Judgement
from components.task_evaluator.results import MetricValue, Sample, TaskReport, TaskResult
from models.config import ModelConfig, TrainingConfig
from models.manifest import Manifest
from models.memorisation import Run
from models.prediction_measures import METRICS
from pipeline.config import load
from pipeline.evaluation.evaluation import Evaluation, Score
from pipeline.evaluation.generation import Quality
from pipeline.evaluation.generation import Sample as Written
from pipeline.evaluation.subject import Model, Subject
from pipeline.report import evaluation_page, intervals

HOSTILE = '</pre></script><script>alert(1)</script><img src=x onerror="alert(2)">{{ 7 * 7 }}'
MANIFEST = Manifest(
    model=ModelConfig(), training=TrainingConfig(), num_parameters=929_280, vocabulary_size=4096,
    context_length=64, tokenizer_sha256="t", weights_sha256="w", validation_bits_per_byte=2.2,
    training_tokens=1_535_919, training_seconds=50.0,
)  # fmt: skip


def _task_report(value):
    metrics = {
        "log_probability": MetricValue(
            value=-0.4, low=-0.5, high=-0.3, chance=None, sharp=False, higher_is_better=True
        ),
        "exact_match": MetricValue(
            value=value, low=value - 0.05, high=value + 0.05, chance=0.1, sharp=True, higher_is_better=True
        ),
    }
    samples = (
        Sample(prompt="1+1=", target="2", answer="2", right=True),
        Sample(prompt="2+3=", target="5", answer=HOSTILE, right=False),
    )
    result = TaskResult(
        task="addition", label="addition digits=1", version=1, parameters={}, shots=2, num_items=500,
        mean_target_tokens=2.0, metrics=metrics, samples=samples,
    )  # fmt: skip
    return TaskReport(
        family="transformer", num_parameters=9, training_tokens=9, weights_sha256="w", seed=0, seconds=1.0,
        started="2026-11-26T20:00:00",
        results=(result,),
    )  # fmt: skip


TASKS = _task_report(0.6)


def _scores(bits):
    values = dict(zip(METRICS, (4.2, 66.7, bits, 4.6, 0.31, 0.82, 0.021), strict=True))
    return {
        name: Score(value, (value * 0.98, value * 1.02), 9.0, value * 1.05, (-0.08 * value, -0.02 * value))
        for name, value in values.items()
    }


def _evaluation(**values):
    model = Model("shakespeare@2", "/served/2", MANIFEST)
    run = Run(0, 5)
    samples = tuple(Written("To be", f" or not {number} {HOSTILE}", run) for number in range(8))
    defaults = {
        "subject": Subject(load("shakespeare"), model, None, None),
        "measured_on": "the test split of run 20260131-235959-123", "num_rows": 812,
        "tokens": {"overall": 51_000, "source:plays": 50_000, f"source:{HOSTILE}": 700, "length:<256": 9000},
        "num_bytes": 181_102,
        "scores": {
            "overall": _scores(2.2), "source:plays": _scores(2.19), f"source:{HOSTILE}": _scores(2.8),
            "length:<256": _scores(2.3),
        },
        "reliability": np.array([[100.0, 0, 50], [10.0, 0, 45], [12.0, 0, 20]]),
        "compared": "shakespeare@1",
        "judgement": Judgement(("bits_per_byte overall is 2.2000, above the bound 2.1",), ("small: x",)),
        "qualities": [Quality("greedy", 31.5, 0.21, (0.4, 0.7, 0.9), 42, 11, 17.5, samples)],
        "searched": "all 4,700,000 bytes of the training text", "tasks": TASKS, "previous_tasks": None,
    }  # fmt: skip
    return Evaluation(**{**defaults, **values})


def test_the_page_says_verdict_scores_slices_and_what_was_written():
    text = evaluation_page.render(_evaluation())
    for words in (
        "failed", "bits_per_byte overall is 2.2000, above the bound 2.1", "Not blocking", "By source",
        "By length", "too few tokens to block", "0.021 (0.02058 to 0.02142)", "-0.11 (-0.176 to -0.044)",
        "42 characters, 11 tokens", "all 4,700,000 bytes of the training text", "<mark> or n</mark>ot 0",
    ):  # fmt: skip
        assert words in text, words
    assert text.count("too few tokens to block") == 1


def test_a_task_has_its_interval_chance_previous_value_and_answers_right_and_wrong():
    text = evaluation_page.render(_evaluation(previous_tasks=_task_report(0.5)))
    section = text.split('<section id="tasks">')[1].split("</section>")[0]
    names = re.findall(r'<th scope="row">([^<]+)</th>', section)
    assert names == ["exact match", "log probability"]
    assert re.findall(r'class="figure">([^<]+)<', section)[:4] == ["0.6", "0.55 to 0.65", "0.1", "0.5"]
    assert 'aria-label="0.6, interval 0.55 to 0.65; chance 0.1; previous 0.5"' in section
    assert '1+1=<b class="right">2</b>' in section
    assert "wrong; expected <code>&#34;5&#34;</code>" in section


def test_what_was_not_measured_is_left_out():
    text = evaluation_page.render(
        _evaluation(
            judgement=None, qualities=[], reliability=None, tasks=None, scores={"overall": _scores(2.0)}
        )
    )
    assert "no verdict" in text
    for section in ("slices", "calibration", "generation", "tasks"):
        assert f'id="{section}"' not in text


def test_no_text_of_a_model_becomes_part_of_the_page():
    text = evaluation_page.render(_evaluation(measured_on=HOSTILE, compared=HOSTILE))
    assert text.count("<script") == 1
    assert "<img" not in text
    assert not re.search(r"@import|url\(|https?://(?!www\.w3\.org/2000/svg)", text)


def test_a_columns_height_is_the_accuracy_of_its_bin():
    drawing = intervals.reliability(np.array([[100.0, 0, 50], [10.0, 0, 45], [25.0, 0, 20]]))
    heights = [float(height) for height in re.findall(r'class="bar" [^>]*height="([\d.]+)"', drawing)]
    # Two columns a bin that has tokens: accuracy 0.25 and 0.4 of 202 units, and its tokens of the most.
    assert heights == [pytest.approx(50.5), pytest.approx(40.0), pytest.approx(80.8), pytest.approx(20.0)]
    assert "100 tokens, mean confidence 0.100, of which right 0.250" in drawing


def test_a_mark_stands_where_its_value_is_on_the_scale():
    drawing = intervals.interval_bar(2.0, (1.0, 3.0), (1.0, 5.0), [(4.0, "c1", "previous")])
    assert 'cx="52.0"' in drawing
    assert 'x1="4.0" x2="100.0" y1="9"' in drawing
    assert 'x1="148.0" x2="148.0"' in drawing
    assert 'aria-label="2, interval 1 to 3; previous 4"' in drawing


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_fits_a_phone_and_its_drawings_are_seen(browser_page, tmp_path, scheme):
    path = tmp_path / "page.html"
    path.write_text(evaluation_page.render(_evaluation()), encoding="utf-8")
    opened = browser_page(f"file://{path}", viewport={"width": 360, "height": 740}, color_scheme=scheme)
    main = opened.locator("main").bounding_box()
    assert main["width"] <= 360
    assert opened.locator("html").evaluate("page => page.scrollWidth") <= 360
    assert opened.locator("#calibration svg").bounding_box()["width"] > 200
    assert opened.locator("#slices svg.interval").count() == 3
    assert opened.locator("#tasks svg.interval").count() == 2
    background = opened.locator("body").evaluate("body => getComputedStyle(body).backgroundColor")
    assert background == ("rgb(255, 255, 255)" if scheme == "light" else "rgb(20, 23, 26)")


def test_a_score_without_a_previous_model_has_no_change():
    scores = {
        name: dataclasses.replace(score, previous=None, change=None) for name, score in _scores(2.0).items()
    }
    text = evaluation_page.render(_evaluation(scores={"overall": scores, "source:plays": scores}, tasks=None))
    assert '<td class="figure">-</td><td class="figure">-</td>' in text
    assert 'class="mark' not in text
