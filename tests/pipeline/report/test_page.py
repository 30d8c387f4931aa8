import dataclasses
import re
from html.parser import HTMLParser

import pytest

from components.evaluator.summary import EvaluationSummary
from components.sequence_packer.counts import PackingReport, RowCounts
from models.measures import LossSums
from models.training.run_card import RunCard
from models.training.run_log import RunLog, Window
from pipeline.history import Run
from pipeline.metadata.store import Artifact, Execution
from pipeline.report import page, training_log
from pipeline.report.contents import Contents
from serving.tensorflow_serving.config import ServingConfig

HOSTILE = '</pre></script><script>alert(1)</script><img src=x onerror="alert(2)">{{ 7 * 7 }}'
CARD = RunCard(
    run_id="20260131-235959-123", started="2026-02-01T00:00:30+0000", family="transformer",
    num_parameters=929_280, flops_per_token=6e6, peak_flops_per_second=1e11, peak_source="measured",
    configuration={}, environment={"host": HOSTILE, "cores": "2"}, resumed_after=20, earlier="/there/7",
)  # fmt: skip


class _Page(HTMLParser):
    """Which elements are open when which text comes, and every attribute."""

    VOID = ("meta", "line", "circle", "polyline", "img", "br", "link")

    def __init__(self, text):
        super().__init__()
        self.open, self.texts, self.tags, self.attributes = [], [], [], []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [(tag, *pair) for pair in attrs]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [(tag, *pair) for pair in attrs]

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.texts.append((self.open[-1] if self.open else "", data))


@pytest.fixture(scope="module")
def log(tmp_path_factory):
    folder = tmp_path_factory.mktemp("log")
    with RunLog(str(folder)) as log:
        log.begin(CARD)
        for step in (10, 20, 30):
            sums = LossSums(300.0 / step, 20.0, 60.0)
            log.training(step, Window(sums, 10, 20, 0.1, 1e-3, 1.0, 9.0))
            log.validation(step, sums, {"To be": f" or not {step}\n{HOSTILE}", "": "x"})
    return training_log.read(folder)


def _contents(log, **values):
    summary = EvaluationSummary(
        blessed=True, baseline="no baseline", baseline_metrics={"overall": {"bits_per_byte": 2.5}},
        metrics={
            "overall": {"bits_per_byte": 2.216, "perplexity": 30.0},
            f"source:{HOSTILE}": {"bits_per_byte": 2.0, "perplexity": 9.0},
        },
    )  # fmt: skip
    stages = {"Trainer": "done", "Pusher": "done"}
    run = Run("20260131-235959-123", stages, summary, True, True, 3, "/served/3", "/e", "/t")
    model = Artifact(5, "Model", f"/artifacts/{HOSTILE}")
    rows = Artifact(4, "Examples", "/rows")
    executions = [
        Execution(7, "Trainer", "done", 1e9, 75.0, {"examples": [rows]}, {"model": [model]}),
        Execution(8, "Pusher", "cached", 1e9 + 80, 1.0, {"model": [model]}, {}),
    ]  # fmt: skip
    packing = PackingReport.model_validate(
        {
            "packing": {},
            "vocabulary_size": 400,
            "splits": {"train": {"a": RowCounts(documents=3, tokens=1234)}},
        }
    )
    defaults = {
        "pipeline": "mine", "run": run, "outcome": "pushed", "verdict": "Pushed as version 3.",
        "executions": executions, "training": dataclasses.replace(log, card=CARD),
        "packing": packing, "log_tail": "",
        "configuration": {
            "name": "mine", "model": {"num_layers": 7, "hidden_dim": 128}, "corpus": {"path": HOSTILE},
            "beam": {"runner": "x"},
        },
    }  # fmt: skip
    return Contents(**{**defaults, **values})


def test_the_page_is_whole_html_and_asks_for_nothing_outside(log):
    text = page.render(_contents(log))
    parsed = _Page(text)
    assert parsed.open == []
    assert not {"link", "img", "iframe", "object", "embed", "base"} & set(parsed.tags)
    for tag, name, value in parsed.attributes:
        assert name not in ("src", "srcset", "action"), (tag, value)
        assert not name.startswith("on"), (tag, value)
        assert name != "href" or value.startswith("#")
    assert not re.search(r"@import|url\(|https?://(?!www\.w3\.org/2000/svg)", text)


def test_no_text_of_a_run_becomes_part_of_the_page(log):
    text = page.render(_contents(log, log_tail=HOSTILE, outcome="failed", verdict=HOSTILE))
    parsed = _Page(text)
    assert parsed.tags.count("script") == 1
    assert "{{ 7 * 7 }}" in text
    shown = [data for _, data in parsed.texts if "alert(1)" in data]
    assert len(shown) >= 6
    assert all(HOSTILE in data for data in shown)


def test_a_browser_shows_the_page_and_a_value_under_the_pointer(log, tmp_path, browser_page):
    """The fixture fails on any error of a script and on any request beyond the file."""
    file = tmp_path / "report.html"
    file.write_text(page.render(_contents(log)))
    shown = browser_page(file.as_uri())
    shown.get_by_text("Pushed as version 3.").wait_for()
    chart = shown.locator("svg").first
    before = shown.locator("body").inner_text()
    chart.hover()
    after = shown.locator("body").inner_text()
    assert after != before
    assert shown.evaluate("() => document.documentElement.scrollWidth <= window.innerWidth")


def test_the_curves_the_samples_and_the_lineage_are_there(log):
    text = page.render(_contents(log))
    titles = re.findall(r"<figcaption><b>([^<]+)</b>", text)
    assert titles == [
        "Loss", "Bits per byte", "Learning rate", "Gradient norm", "Weight norm", "Throughput", "Step time",
        "Model FLOPs utilisation", "Memory",
    ]  # fmt: skip
    assert text.count("<polyline") == 11
    assert (
        text.index("or not 30") < text.index("2 earlier") < text.index("or not 20") < text.index("or not 10")
    )
    assert 'took model: <a href="#artifact-5">' in text
    assert 'id="artifact-5">made model: Model 5' in text
    assert "1 min 15 s" in text
    assert "<td>1,234</td>" in text
    assert "20, with the run in /there/7" in text


def test_what_differs_from_the_default_is_marked(log):
    text = page.render(_contents(log))
    assert '<tr class="changed"><th scope="row">num_layers</th><td>7</td>' in text
    assert '<tr><th scope="row">hidden_dim</th><td>128</td>' in text


def test_a_table_within_a_table_is_marked_if_a_field_of_it_differs(log):
    def marked(serving):
        tables = {"model": {"hidden_dim": 128}, "serving": serving.model_dump(mode="json")}
        text = page.render(_contents(log, configuration=tables))
        return re.findall(r'<tr class="changed"><th scope="row">(\w+)</th>', text)

    assert marked(ServingConfig()) == []
    assert marked(ServingConfig(batching={"max_batch_size": 8}, poll_s=9)) == ["poll_s", "batching"]


def test_a_run_that_did_not_come_to_its_training_has_a_page(log):
    run = Run("nonsense", {"CorpusGen": "failed"}, None, False, False, None, None, None, None)
    contents = _contents(
        training_log.EMPTY, run=run, outcome="failed", verdict="The stage CorpusGen failed.", executions=[],
        configuration={}, packing=None, log_tail="ValueError: a",
    )  # fmt: skip
    text = page.render(contents)
    assert _Page(text).open == []
    for sentence in (
        "No training curves: the run had not come to a log point of its training.",
        "The run did not come to its evaluation.",
        "config.json</code> is gone",
        "ValueError: a",
    ):
        assert sentence in text


def test_the_event_files_are_read_back_as_they_were_written(log):
    assert log.card == CARD.model_copy(update={"resumed_after": None, "earlier": None})
    assert log.curves["loss/training"] == pytest.approx([(10, 1.5), (20, 0.75), (30, 0.5)])
    assert log.last("perplexity/validation") == pytest.approx(2.718281828**0.5)
    assert [(sample.step, sample.prompt) for sample in log.samples][:2] == [(10, "To be"), (10, "")]
    assert log.samples[0].text == f" or not 10\n{HOSTILE}"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.04, "0.0 s"), (9.9, "9.9 s"), (59.4, "59 s"), (75, "1 min 15 s"), (7260, "2 h 1 min")],
)  # fmt: skip
def test_durations_are_told_in_the_units_of_people(seconds, text):
    assert page.duration(seconds) == text
