"""A preset through the whole pipeline, as a user runs it, with LoRA; and what is refused before it starts."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from models import manifest
from models.errors import PresetError
from pipeline import compute_plan
from pipeline.commands import run
from pipeline.config import load
from pipeline.errors import ConfigError

SETTINGS = """name = "tuned"
[corpus]
path = "{corpus}"
sources = [{{ name = "plays", pattern = "*.txt", documents = "blocks", block_bytes = 300 }}]
[packing]
sequence_length = 32
[model]
family = "preset"
preset = "{preset}"
lora_rank = 2
[training]
num_steps = 20
batch_size = 4
learning_rate = 0.01
eval_every = 20
eval_batches = 2
log_every = 10
checkpoint_every = 20
sample_tokens = 4
[evaluation]
max_bits_per_byte = 30.0
max_regression = 30.0
max_source_regression = 30.0
[output]
root = "{folder}/build"
serving_dir = "{folder}/served"
"""


@pytest.fixture(scope="module")
def config(corpus, make_preset, tmp_path_factory):
    """A configuration with a copy of the preset of its own, which a test may change."""
    folder = tmp_path_factory.mktemp("tuned")
    preset = shutil.copytree(make_preset("gpt2"), folder / "preset")
    small = folder / "text"
    small.mkdir()
    for path in sorted(corpus.glob("*.txt"))[:2]:
        shutil.copy(path, small)
    path = folder / "tuned.toml"
    path.write_text(SETTINGS.format(corpus=small, preset=preset, folder=folder))
    return path


def _lexmill(config, *arguments):
    done = subprocess.run(
        [sys.executable, "-m", "pipeline", *arguments], capture_output=True, text=True, check=False,
        cwd=config.parent, timeout=500, env={**os.environ, "COLUMNS": "200"},
    )  # fmt: skip
    assert "Traceback" not in done.stderr, done.stderr
    return done.returncode, done.stdout + done.stderr


@pytest.fixture(scope="module")
def first(config):
    return _lexmill(config, "run", str(config), "--ask", "the king")


def test_a_preset_is_tuned_pushed_and_answers(first, config):
    status, output = first
    assert status == 0, output
    assert "answered over gRPC" in output
    told = manifest.read(str(config.parent / "served/tuned/1"))
    assert told.model.preset == str(config.parent / "preset")
    assert told.model.lora_rank == 2
    assert told.preset_sha256 is not None
    assert told.vocabulary_size == len(
        json.loads((config.parent / "preset/assets/tokenizer/vocabulary.json").read_text())
    )


def test_another_content_of_the_preset_is_another_run(first, config):
    (config.parent / "preset" / "NOTES.md").write_text("changed")
    status, output = _lexmill(config, "run", str(config), "--set", "training.num_steps=10")
    assert status == 0, output
    lines = {line.split()[1]: line for line in output.splitlines() if line[:1] in "✓·"}
    assert lines["CorpusGen"].startswith("·")
    assert lines["TokenizerTrainer"].startswith("✓")
    first_manifest, second = (manifest.read(str(config.parent / f"served/tuned/{n}")) for n in (1, 2))
    assert first_manifest.preset_sha256 != second.preset_sha256


def _load(config, *overrides):
    return load(str(config), list(overrides))


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("model.num_layers=6", "num_layers = 6: the preset decides it: remove it"),
        ("model.size=1m", "the preset decides it: remove it"),
        ("model.dropout=0.1", "dropout = 0.1: the preset decides it"),
        ("model.family=lstm", 'preset is of family = "preset": give that, or remove it'),
        ("tokenizer.vocabulary_size=300", "brings its own: remove this table"),
    ],
)
def test_what_the_preset_decides_is_refused_beside_it(config, override, message):
    with pytest.raises(ConfigError, match=message):
        _load(config, override)


def test_a_family_without_its_preset_is_told_what_to_name():
    with pytest.raises(
        ConfigError, match='family = "preset" needs preset: a folder that save_to_preset wrote'
    ):
        load("tiny", ["model.family=preset"])


def test_a_budget_is_refused_before_anything_runs(config):
    with pytest.raises(ConfigError, match=r'model\.family = "preset" has no shape to choose'):
        run.run_pipeline(str(config), [], None, compute_plan.Budget(1e10, None))


def test_a_preset_that_is_not_there_or_too_short_stops_the_run_at_once(config):
    from pipeline import local

    class Silent:
        def start(self, stage): ...
        def finish(self, *_): ...

    for override, message in [
        ("model.preset=/no/such", "preset /no/such: no such folder"),
        ("packing.sequence_length=65", r"packing\.sequence_length = 65 is more than the 64 tokens"),
    ]:
        with pytest.raises(PresetError, match=message):
            local.run(_load(config, override), "r", Silent())


def test_config_check_tells_what_is_trained(config):
    from typer.testing import CliRunner

    from pipeline.cli import app

    told = CliRunner().invoke(app, ["config", "check", str(config)])
    assert told.exit_code == 0, told.output
    assert "preset of 10,112 parameters" in told.output
    assert "320 of them trained" in told.output


def test_compiling_names_the_preset_and_needs_none_of_its_files(config, tmp_path):
    from pipeline.kubeflow import compile as compiler

    output = Path(tmp_path, "pipeline.yaml")
    named = _load(
        config,
        "model.preset=kaggle://keras/gpt2/keras/gpt2_base_en/2",
        "kubeflow.corpus_path=gs://bucket/corpus",
    )
    compiler.compile_to(named, str(output))
    assert "kaggle://keras/gpt2/keras/gpt2_base_en/2" in output.read_text()
