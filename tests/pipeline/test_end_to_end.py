"""The whole pipeline, as a user runs it: the tiny configuration, on made-up text, in a process of its own.

One run after another on the same folders; each test looks at what a run left.
"""

import contextlib
import dataclasses
import hashlib
import itertools
import json
import os
import re
import shlex
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest
import tensorflow as tf
import tensorflow_text  # noqa: F401 (its ops are in the SavedModel)
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from components import model_store
from models.export import default_inputs
from models.networks.counts import count
from pipeline.config import load
from serving.client import Client, RestClient
from serving.embedded_process import embedded_process

PROMPT = "the king"
STAGES = [
    "CorpusGen", "StatisticsGen", "SchemaGen", "ExampleValidator", "DataGate", "TokenizerTrainer",
    "SequencePacker", "Trainer", "BaselineFinder", "Evaluator", "TaskEvaluator", "ServingValidator", "Pusher",
]  # fmt: skip


@dataclasses.dataclass(frozen=True)
class Ran:
    status: int
    output: str

    def line(self, stage):
        return next(line for line in self.output.splitlines() if re.match(rf"[✓·✗] {stage} ", line))


def _lexmill(tiny_config, *arguments):
    done = subprocess.run(
        [sys.executable, "-m", "pipeline", *arguments],
        capture_output=True, text=True, check=False, cwd=tiny_config.parent, timeout=500,
        env={**os.environ, "COLUMNS": "200"},
    )  # fmt: skip
    assert "Traceback" not in done.stderr, done.stderr
    return Ran(done.returncode, done.stdout + done.stderr)


RUN = ("--set", f'training.sample_prompts=["{PROMPT}"]')


def _run(tiny_config, *arguments):
    return _lexmill(tiny_config, "run", str(tiny_config), *RUN, *arguments)


@pytest.fixture(scope="module")
def first(tiny_run):
    assert "Traceback" not in tiny_run.stderr, tiny_run.stderr
    return Ran(tiny_run.returncode, tiny_run.stdout + tiny_run.stderr)


@pytest.fixture(scope="module")
def again(tiny_config, first):
    return _run(tiny_config)


@pytest.fixture(scope="module")
def refused(tiny_config, again):
    return _run(tiny_config, "--set", "evaluation.max_bits_per_byte=0.01")


@pytest.fixture(scope="module")
def lstm(tiny_config, refused):
    return _run(tiny_config, "--set", "model.family=lstm", "--set", "evaluation.max_regression=8", "--set",
                "evaluation.max_slice_regression=8")  # fmt: skip


@pytest.fixture(scope="module")
def planned(tiny_config, again):
    return _run(tiny_config, "--compute", "1e10")


@pytest.fixture(scope="module")
def served(tiny_config):
    return tiny_config.parent / "served" / "tiny"


def test_a_run_pushes_a_version_and_answers_over_grpc(first, served):
    assert first.status == 0, first.output
    assert all(first.line(stage).startswith("✓") for stage in STAGES)
    assert "answered over gRPC" in first.output
    assert f"\n{PROMPT}" in first.output
    assert sorted(path.name for path in served.iterdir() if path.name.isdecimal())[0] == "1"


def test_a_run_ends_by_saying_where_things_are(first, served, tiny_config):
    assert f"version 1 in {served}/1" in first.output
    for command in (
        f"lexmill tensorboard {tiny_config}",
        f"lexmill train-report --config {tiny_config}",
        f"lexmill serve {tiny_config}",
        f'lexmill generate "To be" --config {tiny_config}',
    ):
        assert command in first.output
    path = re.search(r"^ +(/\S+/evaluation\.json)$", first.output, re.MULTILINE)
    assert path is not None
    metrics = json.loads(Path(path[1]).read_text())["metrics"]
    assert set(metrics) >= {"overall", "source:plays", "source:tales", "language:en"}
    assert {name for name in metrics if name.startswith("length:")} <= {"length:<256", "length:256-1023"}
    assert {"bits_per_byte", "accuracy", "calibration_error"} <= set(metrics["source:tales"])
    assert re.search(r"^tasks: +2 tasks: parity accuracy \d", first.output, re.MULTILINE)


def test_a_run_leaves_nothing_in_the_temporary_folder(first, tiny_config):
    assert first.status == 0

    assert not list((tiny_config.parent / "temporary").iterdir())


def test_the_same_run_again_takes_everything_from_the_cache(again):
    assert again.status == 0, again.output
    assert [stage for stage in STAGES if not again.line(stage).startswith("·")] == []
    assert "version 2" not in again.output


def test_a_model_above_the_bound_is_not_pushed_and_the_exit_status_says_so(refused):
    assert refused.status == 3
    assert refused.line("Trainer").endswith("cached")
    assert re.search(r"NOT blessed: bits_per_byte overall is \d\.\d+, above the bound 0\.01", refused.output)
    assert "not pushed: a blessing is missing" in refused.line("Pusher")


def test_the_lstm_goes_through_the_same_pipeline_and_is_compared_with_what_is_served(lstm, served):
    assert lstm.status == 0, lstm.output
    assert lstm.line("SequencePacker").endswith("cached")
    assert f"version 1 in {served}" in lstm.line("BaselineFinder")
    assert "compared with the model pushed last" in lstm.line("Evaluator")
    assert f"version 2 in {served}" in lstm.line("Pusher")
    manifest = json.loads((served / "2" / "assets.extra" / "lexmill.json").read_text())
    assert manifest["model"]["family"] == "lstm"


@pytest.mark.usefixtures("lstm")
def test_the_runs_are_listed_with_their_outcome(tiny_config):
    listed = _lexmill(tiny_config, "runs", str(tiny_config))
    assert listed.status == 0
    rows = [line for line in listed.output.splitlines() if re.match(r"│ \d{8}-", line)]
    assert len(rows) == 4
    pushed = [re.search(r"version \d|-  ", row)[0].strip() for row in rows]
    assert pushed == ["version 2", "-", "version 1", "version 1"]


@pytest.mark.usefixtures("lstm")
@pytest.mark.parametrize("version", [1, 2])
def test_trainer_saved_model_grpc_and_rest_give_the_same_greedy_text(tiny_config, served, tmp_path, version):
    config = load(str(tiny_config))
    (tmp_path / "1").symlink_to(served / str(version))
    tokens = config.training.sample_tokens
    inputs = default_inputs([PROMPT], max_new_tokens=tokens, temperature=0.0)
    loaded = tf.saved_model.load(str(served / str(version)))
    tensors = {name: tf.constant(value) for name, value in inputs.items()}
    text = loaded.signatures["generate"](**tensors)["text"].numpy()[0].decode()
    assert text

    with embedded_process("tiny", str(tmp_path), 60.0) as server:
        for client in (Client(server.grpc_address, "tiny"), RestClient(server.rest_url, "tiny")):
            [generation] = client.generate([PROMPT], max_new_tokens=tokens, temperature=0.0)
            assert generation.text == text

    folders = sorted(
        (tiny_config.parent / "build/tiny/artifacts/Trainer/model_run").iterdir(), key=lambda p: int(p.name)
    )
    events = EventAccumulator(str(folders[version - 1]), size_guidance={"tensors": 0})
    events.Reload()
    last = tf.make_ndarray(events.Tensors("samples/0")[-1].tensor_proto).item().decode()
    shown = "\n".join(line[4:] for line in last.split("\n"))
    assert shown == f"{PROMPT}⟶{text}"


@pytest.mark.usefixtures("lstm")
def test_generate_and_score_use_the_version_pushed_last(tiny_config):
    arguments = ["--config", str(tiny_config)]
    one, two = (
        _lexmill(tiny_config, "generate", PROMPT, "--max-new-tokens", "8", "--seed", "3", how, *arguments)
        for how in ("--no-stream", "--stream")
    )
    assert one.status == 0, one.output
    assert one.output.startswith(PROMPT)
    assert one.output == two.output
    (tiny_config.parent / "text.txt").write_text("the king sees the crown.\n")
    scored = _lexmill(tiny_config, "score", "text.txt", *arguments)
    assert re.match(r"\d+ tokens, 25 bytes: log-probability -\d+\.\d+ nats, perplexity", scored.output)


def _cells(line):
    return [cell.strip() for cell in line.strip("│").split("│")]


@pytest.mark.usefixtures("lstm")
def test_evaluate_measures_what_the_evaluator_did_and_writes_a_page(tiny_config, served):
    loose = ("--set", "evaluation.max_regression=8", "--set", "evaluation.max_slice_regression=8")
    page = ("--prompts", "4", "-o", "evaluation.html")
    done = _lexmill(tiny_config, "evaluate", str(tiny_config), *page, *loose)
    assert done.status == 0, done.output
    assert "tiny@2 on the test split of run" in done.output
    rows = {cells[0]: cells for cells in map(_cells, done.output.splitlines()) if len(cells) > 4}
    pushed = json.loads((served / "2" / "assets.extra" / "lexmill.json").read_text())["evaluation"]
    shown = {metric.replace("_", " "): value for metric, value in pushed["overall"].items()}
    assert len(shown) == 7
    for name, value in shown.items():
        assert float(rows[name][1].replace(",", "")) == pytest.approx(value, rel=2e-3), name
    for name, values in pushed.items():
        assert float(rows[name][2]) == pytest.approx(values["bits_per_byte"], rel=2e-3), name
    before = json.loads((served / "1" / "assets.extra" / "lexmill.json").read_text())["evaluation"]
    assert float(rows["bits per byte"][4]) == pytest.approx(before["overall"]["bits_per_byte"], rel=2e-3)
    assert "within every bound of the configuration" in done.output
    text = (tiny_config.parent / "evaluation.html").read_text()
    for part in ("passed", "By source", "By language", "By length", "Reliability diagram", "greedy"):
        assert part in text
    assert "bytes of the training text" in text


@pytest.mark.usefixtures("lstm")
def test_evaluate_takes_an_older_version_a_text_and_bounds_and_exits_by_the_verdict(tiny_config, served):
    (tiny_config.parent / "poem.txt").write_text("the king sees the crown.\n" * 40)
    of = ("--config", str(tiny_config), "--prompts", "0", "--text", "poem.txt")
    done = _lexmill(tiny_config, "evaluate", str(served / "1"), *of)
    assert done.status == 0, done.output
    assert re.search(r"tiny@1 on poem.txt: [\d,]+ tokens, 1,000 bytes in ", done.output)
    refused = _lexmill(tiny_config, "evaluate", str(tiny_config), "--prompts", "0", "--set",
                       "evaluation.max_bits_per_byte=0.01")  # fmt: skip
    assert refused.status == 3
    assert re.search(r"failed: bits_per_byte overall is \d\.\d+, above the bound 0\.01", refused.output)


@pytest.mark.usefixtures("lstm")
def test_tensorboard_shows_the_training_runs_and_the_tasks_of_each(tiny_config):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "pipeline", "tensorboard", str(tiny_config), "--port", str(port)]
    process = subprocess.Popen(command, cwd=tiny_config.parent, stderr=subprocess.DEVNULL)
    try:
        url = f"http://127.0.0.1:{port}/data/plugin/timeseries/tags"
        deadline, tags = time.monotonic() + 90, {}
        while time.monotonic() < deadline and len(tags) < 4:
            assert process.poll() is None, "TensorBoard ended"
            with contextlib.suppress(OSError):
                tags = json.load(urllib.request.urlopen(url, timeout=10))["scalars"]["runTagInfo"]
            time.sleep(0.5)
    finally:
        process.terminate()
        process.wait(30)
    tasks = {run for run in tags if run.endswith(" tasks")}
    trainings = tags.keys() - tasks
    assert len(tasks) == len(trainings) == 2
    assert all("tasks/parity/exact_match" in tags[run] for run in tasks)
    for tag in ("bits_per_byte/validation", "accuracy/test", "calibration_error/test source:plays"):
        assert all(tag in tags[run] for run in trainings)


@pytest.mark.usefixtures("lstm")
def test_a_run_has_a_report_with_its_curves_lineage_and_verdict(tiny_config, served):
    latest = _lexmill(tiny_config, "train-report", "--config", str(tiny_config), "-o", "report.html")
    assert latest.output == "wrote report.html\n"
    text = (tiny_config.parent / "report.html").read_text()
    assert f"Pushed as version 2 to {served}/2" in text
    assert "compared with the model pushed last" in text
    assert len(re.findall(r"<svg ", text)) == 9
    for stage in STAGES:
        assert f"<b>{stage}</b>" in text
    runs = sorted(path.name for path in (tiny_config.parent / "build/tiny/runs").iterdir())
    refused = _lexmill(tiny_config, "train-report", runs[2], "--config", str(tiny_config))
    text = (tiny_config.parent / f"build/tiny/runs/{runs[2]}/report.html").read_text()
    assert refused.status == 0
    assert "NOT blessed: bits_per_byte overall" in text
    unknown = _lexmill(tiny_config, "train-report", "nope", "--config", str(tiny_config))
    assert unknown.status == 1
    [line] = unknown.output.splitlines()
    assert line.startswith(f"error: nope: 'tiny' has no such run: there are {runs[-1]}, ")


@pytest.mark.usefixtures("lstm")
def test_the_lineage_of_a_moved_version_goes_back_to_every_source_file(tiny_config, served, corpus, tmp_path):
    from pipeline.lineage import finding, graph

    shutil.copytree(served / "2", tmp_path / "moved")
    overrides = [f"output.root={tiny_config.parent}/build"]
    lineage = graph.trace(finding.find(str(tmp_path / "moved"), None, overrides))
    assert (lineage.pipeline, lineage.version) == ("tiny", 2)
    stages = [step.stage for step in lineage.steps]
    assert sorted(stages) == sorted(STAGES)
    assert (stages[0], stages[-1]) == ("CorpusGen", "Pusher")
    runs = sorted(path.name for path in (tiny_config.parent / "build/tiny/runs").iterdir())
    made_by = {step.stage: step.run_id for step in lineage.steps}
    assert (made_by["SequencePacker"], made_by["Trainer"]) == (runs[0], runs[3])
    assert lineage.code[runs[0]] is not None
    assert {file.path: file.sha256 for file in lineage.files} == {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in corpus.iterdir()
    }


@pytest.mark.usefixtures("lstm")
def test_two_runs_differ_in_what_was_set_and_in_what_came_of_it(tiny_config):
    from pipeline.comparison import differences, sides

    runs = sorted(path.name for path in (tiny_config.parent / "build/tiny/runs").iterdir())
    one, other = (sides.gather(run, str(tiny_config), []) for run in (runs[0], runs[3]))
    found = differences.compare(one, other)
    changed = {change.field: change.other for change in found.configuration}
    assert changed["model.family"] == "lstm"
    assert (found.counts, found.files.num_same, found.files.changed) == ((), 4, ())
    bits = {change.field: change.difference for change in found.metrics}["overall: bits_per_byte"]
    assert bits == other.evaluation.bits_per_byte - one.evaluation.bits_per_byte


@pytest.mark.usefixtures("lstm")
def test_serve_answers_until_it_is_told_to_stop(tiny_config):
    command = [
        sys.executable,
        "-m",
        "pipeline",
        "serve",
        str(tiny_config),
        "--port",
        "0",
        "--rest-api-port",
        "0",
    ]
    process = subprocess.Popen(command, cwd=tiny_config.parent, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    with process.stdout:
        try:
            ready = process.stdout.readline()
            address = re.match(r"ready: gRPC (\S+), REST \S+, model tiny version 2", ready)
            assert address is not None, ready
            with Client(address[1], "tiny") as client:
                [score] = client.score(["the king"])
            assert score.num_bytes == 8
            rest = re.search(r"REST (\S+),", ready)[1].removeprefix("http://")
            page = urllib.request.urlopen(f"http://{rest}/monitoring/prometheus/metrics", timeout=30).read()
            uuid = (tiny_config.parent / "served/tiny/2/assets.extra/mlmd_uuid").read_text()
            metric = f':tensorflow:serving:mlmd_map{{model_name="tiny",version="2",uuid="{uuid}"}} 1'
            assert metric in page.decode()
        finally:
            process.terminate()
            assert process.wait(30) == 0


@pytest.mark.usefixtures("lstm")
def test_a_second_run_is_kept_out_while_one_is_under_way(tiny_config):
    import fcntl

    with (tiny_config.parent / "build/tiny/.lock").open("a+") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        kept_out = _run(tiny_config)
    assert kept_out.status == 1
    assert "a run of 'tiny' is under way" in kept_out.output


@pytest.mark.usefixtures("lstm")
def test_a_pushed_version_that_was_deleted_is_pushed_again(tiny_config, served):
    shutil.rmtree(served / "1")
    back = _run(tiny_config)
    assert back.status == 0
    assert back.line("Trainer").endswith("cached")
    assert f"version 3 in {served}" in back.line("Pusher")


@pytest.mark.usefixtures("lstm")
def test_a_llama_style_model_goes_through_the_same_pipeline_by_a_named_size(tiny_config, served):
    settings = ("model.style=llama", "model.size=10k", "model.num_key_value_heads=1",
                "evaluation.max_regression=8", "evaluation.max_slice_regression=8")  # fmt: skip
    ran = _run(tiny_config, *(word for setting in settings for word in ("--set", setting)))
    assert ran.status == 0, ran.output
    assert ran.line("SequencePacker").endswith("cached")
    assert ran.line("ServingValidator").startswith("✓")
    assert f"in {served}" in ran.line("Pusher")


@pytest.mark.usefixtures("lstm")
def test_a_training_that_is_killed_goes_on_where_it_was_when_the_command_is_given_again(tiny_config):
    """That its weights and curves are an uninterrupted run's is in tests/models/training/test_resume.py."""
    settings = ("training.num_steps=600", "training.checkpoint_every=20", "training.seed=5",
                "evaluation.max_regression=8", "evaluation.max_slice_regression=8")  # fmt: skip
    arguments = [word for setting in settings for word in ("--set", setting)]
    command = [sys.executable, "-m", "pipeline", "run", str(tiny_config), *RUN, *arguments]
    checkpoints = tiny_config.parent / "build/tiny/artifacts/checkpoints"
    before = set(checkpoints.glob("*/*/complete.json"))
    process = subprocess.Popen(
        command, cwd=tiny_config.parent, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    deadline = time.monotonic() + 120
    while not set(checkpoints.glob("*/*/complete.json")) - before:
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.02)
    process.kill()
    process.wait(30)
    ran = _run(tiny_config, *arguments)
    assert ran.status == 0, ran.output
    going_on = re.search(r"! Trainer +going on after step (\d+)", ran.output)
    assert going_on is not None, ran.output
    assert 20 <= int(going_on[1]) < 600


@pytest.mark.usefixtures("lstm")
def test_training_starts_from_the_model_pushed_last_and_takes_over_its_tokenizer(tiny_config, served):
    [(newest, found), *_] = model_store.manifests(str(served))
    assert found.attention == "row"
    shape = {name: value for name, value in found.model.model_dump().items() if value is not None}
    settings = [f"model.{name}={value}" for name, value in shape.items() if name != "size"]
    loose = ["evaluation.max_regression=8", "evaluation.max_slice_regression=8"]
    warm = [*settings, *loose, "training.warm_start=latest"]
    ran = _run(tiny_config, *(word for setting in warm for word in ("--set", setting)))
    assert ran.status == 0, ran.output
    assert f"pieces, of version {newest}, from which training starts" in ran.line("TokenizerTrainer")
    assert re.search(rf"! Trainer +starts from the weights of version {newest}$", ran.output, re.MULTILINE)
    first_losses = [_first_training_loss(tiny_config, number) for number in (0, -1)]
    assert first_losses[1] < first_losses[0]
    later = _run(tiny_config, *(word for setting in warm for word in ("--set", setting)), "--if-new-data")
    assert later.status == 0
    assert "no new data since run" in later.output


def _first_training_loss(tiny_config, number):
    folder = tiny_config.parent / "build/tiny/artifacts/Trainer/model_run"
    runs = sorted(folder.iterdir(), key=lambda path: int(path.name))
    events = EventAccumulator(str(runs[number]), size_guidance={"tensors": 0})
    events.Reload()
    return float(tf.make_ndarray(events.Tensors("loss/training")[0].tensor_proto))


def test_bad_input_is_one_line_and_status_one(tiny_config, corpus, tmp_path):
    (tmp_path / "text").mkdir()
    (tmp_path / "text" / "a.txt").write_bytes(b"good line\nbad \xff line\n")
    root = ["--set", f"output.root={tmp_path}/build", "--set", f"output.serving_dir={tmp_path}/served"]
    sources = 'corpus.sources=[{name="all", pattern="*.txt"}]'
    for path, message in (
        (tmp_path / "text", "a.txt"),
        (tmp_path / "nowhere", str(tmp_path / "nowhere")),
    ):
        ran = _run(tiny_config, "--set", f"corpus.path={path}", "--set", sources, *root)
        assert ran.status == 1
        assert ran.output.splitlines()[-1].startswith("✗ CorpusGen")
        assert message in ran.output.splitlines()[-1]
    huge = _run(tiny_config, "--set", "tokenizer.vocabulary_size=100000", *root)
    assert huge.status == 1
    assert re.match(r"✗ TokenizerTrainer .*100000", huge.output.splitlines()[-1])
    assert not (tmp_path / "served").exists()


def test_a_budget_of_compute_is_planned_shown_and_recorded(planned, tiny_config):
    assert planned.line("SequencePacker").endswith("cached")
    assert planned.line("Trainer").startswith("✓")
    overrides = _overrides_of(planned)
    for name, value in (override.split("=", 1) for override in overrides):
        if name.startswith("training.num_steps"):
            assert re.search(rf"steps +│ {int(value):,} ", planned.output)
    newest = max((tiny_config.parent / "build" / "tiny" / "runs").iterdir(), key=lambda path: path.name)
    recorded = json.loads((newest / "config.json").read_text())
    assert recorded == json.loads(load(str(tiny_config), overrides).model_dump_json())
    counts = count(load(str(tiny_config), overrides).model, 400, 32)
    tokens = recorded["training"]["num_steps"] * recorded["training"]["batch_size"] * 32
    assert counts.training_flops_per_token * tokens == pytest.approx(1e10, rel=0.02)


def test_a_plans_overrides_are_the_same_run_and_cached(planned, tiny_config):
    arguments = [word for override in _overrides_of(planned) for word in ("--set", override)]

    replayed = _lexmill(tiny_config, "run", str(tiny_config), *arguments)

    assert replayed.status == planned.status
    assert replayed.line("Trainer").endswith("cached")


def _overrides_of(planned):
    words = shlex.split(re.search(r"^the same run: (.*)$", planned.output, re.MULTILINE)[1])
    return [value for flag, value in itertools.pairwise(words) if flag == "--set"]
