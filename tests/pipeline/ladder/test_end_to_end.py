"""A ladder of two rungs, for real: one fails at first, and the same command again does what is missing."""

from __future__ import annotations

import csv
import dataclasses
from pathlib import Path

import pytest
from ml_metadata import metadata_store

from components.task_evaluator import corpora
from components.task_evaluator.tasks.addition import Addition
from pipeline.commands.ladder import DONE, FAILED, run_ladder
from pipeline.config import load
from pipeline.metadata.connection import connection

CONFIG = """
name = "two"
[corpus]
path = "{folder}/data"
sources = [
    {{ name = "sums", pattern = "*.jsonl", format = "jsonl", prompt_column = "prompt", completion_column = "completion" }},
]
eval_percent = 10
test_percent = 10
[duplicates]
exact = false
[validation]
drift = "off"
skew = "off"
[tokenizer]
algorithm = "characters"
vocabulary_size = 300
[packing]
sequence_length = 16
[model]
style = "llama"
num_heads = 2
num_layers = 1
[training]
num_steps = 4
batch_size = 8
eval_every = 4
eval_batches = 1
log_every = 2
checkpoint_every = 4
sample_tokens = 2
projector_tokens = 0
[evaluation]
max_bits_per_byte = 100.0
[tasks]
evaluate = [{{ task = "addition", digits = 1, reversed = true, evaluation_percent = 50 }}]
num_items = 10
num_samples = 1
[output]
root = "{folder}/build"
serving_dir = "{folder}/served"
[ladder]
rungs = [{{ hidden_dim = 8 }}, {{ hidden_dim = 16 }}]
"""  # noqa: E501


@dataclasses.dataclass(frozen=True)
class Ladders:
    folder: Path
    config: str
    failed: tuple[int, str]
    again: tuple[int, str]


@pytest.fixture(scope="module")
def ladders(tmp_path_factory) -> Ladders:
    """The ladder with a rung that cannot be trained, and once more when it can."""
    import contextlib
    import io

    from models.training import loop
    from pipeline import quiet

    folder = tmp_path_factory.mktemp("ladder")
    task = Addition(digits=1, reversed=True, evaluation_percent=50)
    (folder / "data").mkdir()
    (folder / "data" / "sums.jsonl").write_bytes(corpora.lines(task, task.training_items(0, 200)))
    config = folder / "two.toml"
    config.write_text(CONFIG.format(folder=folder), encoding="utf-8")
    train = loop.train

    def broken(model, *arguments):
        if model.backbone.token_embedding.embeddings.shape[1] == 16:
            raise RuntimeError("the second rung breaks")
        return train(model, *arguments)

    def run() -> tuple[int, str]:
        said = io.StringIO()
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(quiet, "libraries_write_to", lambda log_file: contextlib.nullcontext(said))
            return run_ladder(str(config), [], None), said.getvalue()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loop, "train", broken)
        failed = run()
    return Ladders(folder, str(config), failed, run())


def test_a_rung_that_fails_is_told_and_the_others_are_reported(ladders) -> None:
    status, said = ladders.failed

    assert status == FAILED
    assert "failed: transformer 1x16, seed 0: " in said
    assert "the second rung breaks" in said
    assert "1 models, 1 tasks" in said


def test_the_same_command_again_does_what_is_missing(ladders) -> None:
    status, said = ladders.again

    assert status == DONE, said
    assert said.count("✓ Trainer") == 1
    assert "✓ CorpusGen" not in said
    assert "✓ RungRecorder" in said
    assert "2 models, 1 tasks" in said


def test_the_report_and_the_table_are_where_the_command_says(ladders) -> None:
    folder = ladders.folder / "build" / "two" / "ladder"

    assert f"report:  {folder}/emergence.html" in ladders.again[1]
    assert "Too thin: 2 sizes" in (folder / "emergence.html").read_text()
    assert (folder / "emergence.svg").read_text().startswith("<svg")
    rows = list(csv.DictReader((folder / "emergence.csv").read_text().splitlines()))
    assert [row["rung"] for row in rows] == ["1x8", "1x16"]


def test_metadata_has_the_size_cost_loss_and_metrics_of_every_rung(ladders) -> None:
    store = metadata_store.MetadataStore(connection(load(ladders.config)))
    rungs = store.get_artifacts_by_type("components.Rung")
    found = {rung.custom_properties["rung"].string_value: rung.custom_properties for rung in rungs}

    assert set(found) == {"1x8", "1x16"}
    first = found["1x8"]
    parameters, tokens = first["num_parameters"].int_value, first["num_tokens"].int_value
    assert tokens == 4 * 8 * 16
    assert first["compute_flops"].double_value == 6 * parameters * tokens
    assert first["loss"].double_value > 0
    [metric] = [name for name in first if name.endswith(": exact_match")]
    assert 0.0 <= first[metric].double_value <= 1.0


def test_nothing_is_pushed(ladders) -> None:
    assert not (ladders.folder / "served").exists()
