"""A really started TensorBoard, asked over HTTP what it shows of runs that `RunLog` has written."""

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.parse
import urllib.request

import numpy as np
import pytest

from models.measures import LossSums
from models.training import projector, tags
from models.training.run_card import RunCard
from models.training.run_log import RunLog, Window
from pipeline import task_runs

CARD = RunCard(
    run_id="20260131-235959-123",
    started="2026-02-01T00:00:30+0000",
    family="transformer",
    num_parameters=929_280,
    flops_per_token=6e6,
    peak_flops_per_second=1e11,
    peak_source="measured on this CPU",
    configuration={"model": {"family": "transformer", "num_layers": 2}, "training": {"learning_rate": 1e-3}},
    environment={"host": "here"},
)
FIRST = "mine/2026-01-31 23:59:59 transformer 929k"
SECOND = "other/2026-02-01 08:00:00 lstm 1.08M"


def _train(build, pipeline, execution, **fields):
    card = CARD.model_copy(update=fields)
    directory = build / pipeline / "artifacts" / "Trainer" / "model_run" / str(execution)
    with RunLog(str(directory)) as log:
        log.begin(card)
        for step in range(10, 310, 10):
            sums = LossSums(300.0 / step, 20.0, 60.0)
            log.training(step, Window(sums, 10, 20, 0.1, 1e-3, 1.0, 9.0))
            log.validation(step, sums, {"To be": f" <b>or</b> not {step}"})
        log.histograms(300, "weights", {"kernel": np.arange(10.0)})
    projector.write(str(directory), np.eye(3), ["▁the", "<b>", " king"])
    return directory


@contextlib.contextmanager
def _started(folder, *arguments):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "pipeline", "tensorboard", "--port", str(port), *arguments]
    (folder / "tmp").mkdir(exist_ok=True)
    process = subprocess.Popen(
        command, cwd=folder, stderr=subprocess.DEVNULL, env={**os.environ, "TMPDIR": str(folder / "tmp")}
    )
    try:
        yield process, f"http://127.0.0.1:{port}"
    finally:
        process.kill()
        process.wait(30)


def _get(url):
    with urllib.request.urlopen(url, timeout=20) as answer:
        return json.load(answer)


def _post(url, body):
    request = urllib.request.Request(url, json.dumps(body).encode(), {"Content-Type": "application/json"})
    return _get(request)


def _eventually(ask, is_there):
    deadline, answer = time.monotonic() + 90, None
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError):
            answer = ask()
            if is_there(answer):
                return answer
        time.sleep(0.5)
    raise AssertionError(f"not there after 90 s; the last answer was {answer}")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tensorboard")
    _train(folder / "build", "mine", 7)
    return folder


@pytest.fixture(scope="module")
def url(folder):
    """TensorBoard on all pipelines, which come to be two while it runs."""
    with _started(folder) as (_, url):
        _eventually(lambda: _get(f"{url}/data/runs"), lambda runs: runs == [FIRST])
        configuration = {"model": {"family": "lstm", "num_layers": 2}}
        _train(folder / "build", "other", 9, run_id="20260201-080000-001", family="lstm",
               num_parameters=1_082_112, configuration=configuration)  # fmt: skip
        _eventually(lambda: _get(f"{url}/data/runs"), lambda runs: len(runs) == 2)
        yield url


def test_a_run_that_comes_while_it_is_open_appears_by_its_name(url):
    assert sorted(_get(f"{url}/data/runs")) == [FIRST, SECOND]


def test_every_scalar_has_its_curve_and_description(url):
    found = _eventually(
        lambda: _get(f"{url}/data/plugin/scalars/tags"), lambda tags: len(tags.get(SECOND, {})) > 10
    )
    assert set(found[FIRST]) == set(found[SECOND]) == set(tags.DESCRIPTIONS)
    for tag, about in found[FIRST].items():
        assert tags.DESCRIPTIONS[tag].split("`")[0][:40] in about["description"]
    query = urllib.parse.urlencode({"run": FIRST, "tag": "loss/validation"})
    curve = _get(f"{url}/data/plugin/scalars/scalars?{query}")
    assert [step for _, step, _ in curve] == list(range(10, 310, 10))
    assert curve[-1][2] == pytest.approx(300 / 300 / 20)


def test_every_validations_sample_is_there_and_harmless(url):
    assert set(_get(f"{url}/data/plugin/text/tags")[FIRST]) == {"samples/0", "configuration", "environment"}
    query = urllib.parse.urlencode({"run": FIRST, "tag": "samples/0"})
    texts = _get(f"{url}/data/plugin/text/text?{query}")
    assert [text["step"] for text in texts] == list(range(10, 310, 10))
    assert "To be⟶ &lt;b&gt;or&lt;/b&gt; not 300" in texts[-1]["text"]
    query = urllib.parse.urlencode({"run": FIRST, "tag": "configuration"})
    [table] = _get(f"{url}/data/plugin/text/text?{query}")
    assert re.search(r"<td>num_layers</td>\s*<td><code>2</code></td>", table["text"])


def test_the_hparams_dashboard_compares_the_runs(url):
    experiment = _eventually(
        lambda: _post(f"{url}/data/plugin/hparams/experiment", {"experimentName": ""}),
        lambda found: len(found.get("hparamInfos", [])) >= 4,
    )
    differs = {info["name"]: info.get("differs", False) for info in experiment["hparamInfos"]}
    assert differs == {
        "model.family": True, "model.num_layers": False, "parameters": True, "training.learning_rate": False,
    }  # fmt: skip
    metrics = [info["name"] for info in experiment["metricInfos"]]
    assert {"tag": "bits_per_byte/validation", "group": ""} in metrics
    body = {
        "experimentName": "",
        "allowedStatuses": ["STATUS_UNKNOWN", "STATUS_SUCCESS", "STATUS_FAILURE", "STATUS_RUNNING"],
        "colParams": [{"metric": metrics[0]}], "startIndex": 0, "sliceSize": 10,
    }  # fmt: skip
    groups = _post(f"{url}/data/plugin/hparams/session_groups", body)["sessionGroups"]
    assert {group["hparams"]["model.family"] for group in groups} == {"transformer", "lstm"}
    assert [group["sessions"][0]["status"] for group in groups] == ["STATUS_SUCCESS"] * 2
    assert {group["name"] for group in groups} == {"20260131-235959-123", "20260201-080000-001"}


def test_the_projector_has_the_tokens(url):
    runs = _eventually(lambda: _get(f"{url}/data/plugin/projector/runs"), lambda runs: FIRST in runs)
    assert set(runs) <= {FIRST, SECOND}
    query = urllib.parse.urlencode({"run": FIRST})
    [embedding] = _get(f"{url}/data/plugin/projector/info?{query}")["embeddings"]
    assert embedding["tensorShape"] == [3, 3]
    query = urllib.parse.urlencode({"run": FIRST, "name": embedding["tensorName"], "num_rows": 10})
    with urllib.request.urlopen(f"{url}/data/plugin/projector/metadata?{query}", timeout=20) as answer:
        assert answer.read().decode().splitlines() == ["token\tid", "▁the\t0", "<b>\t1", "␣king\t2"]
    with urllib.request.urlopen(f"{url}/data/plugin/projector/tensor?{query}", timeout=20) as answer:
        assert np.frombuffer(answer.read(), np.float32).reshape(3, 3).tolist() == np.eye(3).tolist()


def test_histograms_and_the_charts_of_two_curves_are_there(url):
    assert "weights/kernel" in _get(f"{url}/data/plugin/histograms/tags")[FIRST]
    layout = _get(f"{url}/data/plugin/custom_scalars/layout")
    [category] = layout["category"]
    charts = {chart["title"]: chart["multiline"]["tag"] for chart in category["chart"]}
    assert charts == {title: list(curves) for title, curves in tags.CHARTS.items()}


def test_its_pages_show_the_runs_in_a_browser(url, browser_page):
    """The event files were asked over HTTP above; this is what a person sees of them."""
    page = browser_page(f"{url}/#timeseries")
    # TensorBoard's own page: fonts that it lacks offline, and a plugin's request that it cancels.
    page.watch.expected += [r"^elsewhere: https://fonts\.", r"^failed: https://fonts\.", r"^console: "]
    page.get_by_text("bits_per_byte/validation").first.wait_for()
    for name in (FIRST, SECOND):
        page.get_by_text(name).first.wait_for()
    page.goto(f"{url}/#hparams")
    page.reload()
    page.get_by_text("training.learning_rate").first.wait_for()
    page.goto(f"{url}/#text")
    page.reload()
    page.get_by_text("tag: environment").first.wait_for()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_ends_it_and_leaves_no_folder_behind(folder, number):
    with _started(folder) as (process, url):
        _eventually(lambda: _get(f"{url}/data/environment"), bool)
        process.send_signal(number)
        assert process.wait(30) in (0, 130)
    left = [path.name for path in (folder / "tmp").iterdir() if path.name.startswith("lexmill-")]
    assert len(left) <= 1  # That of the one that the other tests ask.


def test_a_port_that_is_taken_is_said_in_one_line(folder):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        done = subprocess.run(
            [sys.executable, "-m", "pipeline", "tensorboard", "--port", str(taken.getsockname()[1])],
            cwd=folder, capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
    assert done.returncode == 1
    [line] = done.stderr.splitlines()
    assert line.endswith("cannot listen there: Address already in use: give another with --port, 0 is any")


def test_tasks_that_were_asked_have_a_name_beside_the_training_runs(tmp_path):
    report = tmp_path / "mine" / "artifacts" / "TaskEvaluator" / "report"
    for execution, started in ((12, "2026-02-01T00:01:00+0000"), (9, "2026-01-31T00:01:00+0000")):
        (report / str(execution) / "tensorboard").mkdir(parents=True)
        content = {"started": started, "family": "lstm", "num_parameters": 929_280}
        (report / str(execution) / "tasks.json").write_text(json.dumps(content))
    (report / "13" / "tensorboard").mkdir(parents=True)
    assert list(task_runs.find([tmp_path / "mine"]).items()) == [
        (report / "9" / "tensorboard", "mine/2026-01-31 00:01:00 lstm 929k tasks"),
        (report / "12" / "tensorboard", "mine/2026-02-01 00:01:00 lstm 929k tasks"),
    ]
