import resource
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from pipeline.cli import app

COMMANDS = [
    "run",
    "generate",
    "score",
    "evaluate",
    "serve",
    "tensorboard",
    "runs",
    "train-report",
    "compile",
    "serving-config",
    "serving-check",
    "doctor",
    "config",
    "data",
    "trace",
    "ladder",
    "submit",
    "image",
    "lineage",
    "diff",
    "plan",
    "training-job",
]


def _lexmill(*arguments, **options):
    command = [sys.executable, "-m", "pipeline", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, **options)


def test_help_lists_every_command_and_imports_no_tensorflow():
    code = (
        "import sys; sys.argv = ['lexmill', '--help']\n"
        "from pipeline.cli import main\n"
        "try:\n    main()\nfinally:\n    assert not {'tensorflow', 'tfx', 'keras'} & set(sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    assert all(f" {command} " in done.stdout for command in COMMANDS)


def test_help_takes_under_half_a_second_of_cpu_time():
    before = _children_cpu_s()
    assert _lexmill("--help").returncode == 0
    assert _children_cpu_s() - before < 0.5


def _children_cpu_s():
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(command):
    result = CliRunner().invoke(app, [command, "--help"])
    assert result.exit_code == 0
    assert "Usage" in result.output


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["config", "check", "nope"], "error: nope: no such configuration file"),
        (["run", "tiny", "--set", "model.layers=2"], "model.layers: no such field: did you mean"),
        (["generate", "a"], "no pushed model of 'shakespeare' is here: run 'lexmill run shakespeare' first"),
        (["serve", "tiny"], "no pushed model of 'tiny' is here"),
        (["serving-check", "tiny"], "no pushed model of 'tiny' is here"),
        (["score", "missing.txt"], "missing.txt: cannot be read: No such file or directory"),
        (["tensorboard"], "no training run is here yet"),
        (["runs"], "'shakespeare' has no runs yet"),
        (["data", "peek", "tiny"], "'tiny' has no runs yet: start one with 'lexmill run tiny'"),
        (["data", "report", "tiny"], "'tiny' has no runs yet: start one with 'lexmill run tiny'"),
        (["trace", "tiny", "3"], "'tiny' has no runs yet: start one with 'lexmill run tiny'"),
        (["train-report"], "'shakespeare' has no runs yet: start one with 'lexmill run shakespeare'"),
        (["train-report", "-o", "no/such/folder.html"], "no/such/folder.html: its folder is not there"),
        (
            ["serving-config", "tiny", "tiny"],
            "the configurations name tiny, tiny: a server's models need a name each",
        ),
        (
            ["serving-config", "--set", "serving.storage_uri=s3://a/b"],
            "the stock server cannot read s3://a/b",
        ),
        (["serving-config", "--set", "serving.kind=kserve"], 'kind = "kserve" needs storage_uri'),
        (["serving-config", "--set", "serving.batching.max_batch=3"], "did you mean max_batch_size?"),
        (["lineage", "tiny"], "no pushed model of 'tiny' is here: run 'lexmill run tiny' first, or give the"),
        (["diff", "a", "tiny@b", "--config", "tiny"], "'tiny' has no runs yet: start one with 'lexmill run"),
        (["training-job", "tiny"], "tiny: training_job.workers = 0: the Trainer trains in its own container"),
        (["compile", "tiny", "-o", "pipeline.json"], "pipeline.json: the specification is YAML"),
        (
            ["compile", "tiny", "-o", "absent/pipeline.yaml"],
            "absent/pipeline.yaml: its folder is not there: make it",
        ),
    ],
)
def test_a_failure_is_one_line_and_status_one(tmp_path, arguments, message):
    done = _lexmill(*arguments, cwd=tmp_path)
    assert done.returncode == 1
    assert message in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert done.stdout == ""


def test_a_text_that_is_not_utf8_is_not_scored(tmp_path):
    (tmp_path / "latin.txt").write_bytes(b"caf\xe9")
    done = _lexmill("score", "latin.txt", cwd=tmp_path)
    assert done.returncode == 1
    assert "latin.txt: byte 3 is not UTF-8" in done.stderr


def test_config_show_prints_the_full_configuration():
    result = CliRunner().invoke(app, ["config", "show", "tiny", "--set", "model.num_layers=5"])
    assert result.exit_code == 0
    assert '"num_layers": 5' in result.output
    assert '"weight_decay"' in result.output


def test_config_check_says_how_large_the_model_is():
    result = CliRunner().invoke(app, ["config", "check", "shakespeare"])
    assert result.exit_code == 0
    assert "valid; transformer of 929,280 parameters (396,800 outside the embeddings)" in result.output


@pytest.mark.parametrize(
    ("option", "value"),
    [("--corpus-bytes", "1e30"), ("--parameters", "1e30"), ("--mb-per-core", "inf"), ("--gpus", "0")],
)
def test_a_plan_of_what_cannot_be_is_refused(option, value):
    result = CliRunner().invoke(app, ["plan", "tiny", option, value])
    assert result.exit_code == 2
    assert f"Invalid value for '{option}'" in result.output
