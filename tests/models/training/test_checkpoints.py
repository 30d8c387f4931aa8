import json

import pytest
import tensorflow as tf

from models.errors import CheckpointError
from models.measures import LossSums
from models.training.checkpoints import CheckpointStore, Progress


@pytest.fixture
def variable():
    return tf.Variable([1.0, 2.0])


@pytest.fixture
def lines():
    return []


@pytest.fixture
def store(tmp_path, variable, lines):
    return CheckpointStore(str(tmp_path / "checkpoints"), [variable], lines.append)


def _save(store, variable, step, **values):
    variable.assign([float(step), 0.0])
    store.save(Progress(step=step, **values))


def test_without_a_checkpoint_nothing_is_restored(store):
    assert store.restore() is None


def test_variables_and_progress_come_back_to_the_bit(store, variable):
    variable.assign([0.1, 1e-30])
    progress = Progress(
        step=7, num_tokens=123, window=LossSums(0.1 + 0.2, 3.0, 4.0), first_loss=1 / 3, best_step=7,
        best=LossSums(1.1, 2.0, 3.0),
    )  # fmt: skip
    store.save(progress)
    variable.assign([5.0, 5.0])
    assert store.restore() == progress
    assert variable.numpy().tolist() == tf.constant([0.1, 1e-30]).numpy().tolist()


def test_the_newest_two_and_the_best_are_kept(store, variable):
    for step in (10, 20, 30, 40, 50):
        _save(store, variable, step, best_step=20)
    assert sorted(store.steps()) == [20, 40, 50]


def _truncate_state(folder):
    [data] = folder.glob("state.data-*")
    data.write_bytes(data.read_bytes()[:-1])


def _flip_a_bit(folder):
    [data] = folder.glob("state.data-*")
    content = bytearray(data.read_bytes())
    content[len(content) // 2] ^= 1
    data.write_bytes(content)


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (_truncate_state, "state.data-00000-of-00001 is damaged"),
        (_flip_a_bit, "state.data-00000-of-00001 is damaged"),
        (lambda folder: (folder / "state.index").unlink(), "state.index is missing"),
        (lambda folder: (folder / "progress.json").write_text("{"), "progress.json is damaged"),
        (lambda folder: (folder / "complete.json").unlink(), "its writing was not finished"),
        (lambda folder: (folder / "complete.json").write_text('{"state'), "complete.json is damaged"),
    ],
)
def test_a_damaged_checkpoint_is_passed_over_for_the_one_before_and_said(
    store, variable, lines, tmp_path, damage, reason
):
    _save(store, variable, 10)
    _save(store, variable, 20)
    damage(tmp_path / "checkpoints" / "step-0000000020")
    assert store.restore() == Progress(step=10)
    assert variable.numpy().tolist() == [10.0, 0.0]
    [line] = lines
    assert "step-0000000020: passed over: " in line
    assert reason in line


def test_a_shorter_training_passes_over_the_checkpoints_of_a_longer_one(store, variable, lines):
    for step in (10, 20, 30):
        _save(store, variable, step, best_step=10)
    assert store.restore(num_steps=20) == Progress(step=20, best_step=10)
    assert store.restore(num_steps=9) is None
    assert lines == []


def test_a_step_that_was_damaged_is_written_anew(store, variable, tmp_path):
    _save(store, variable, 10)
    _save(store, variable, 20)
    _truncate_state(tmp_path / "checkpoints" / "step-0000000020")
    store.restore()
    _save(store, variable, 20)
    assert store.restore() == Progress(step=20)


def test_when_all_are_damaged_training_starts_anew(store, variable, lines, tmp_path):
    for step in (10, 20):
        _save(store, variable, step)
        _truncate_state(tmp_path / "checkpoints" / f"step-{step:010d}")
    assert store.restore() is None
    assert len(lines) == 2


def test_a_checkpoint_of_another_model_is_one_clear_line(store, variable, lines):
    _save(store, variable, 10)
    other = CheckpointStore(store.directory, [tf.Variable([1.0, 2.0, 3.0])], lines.append)
    with pytest.raises(CheckpointError, match=r"step-0000000010: cannot be read into this model: remove"):
        other.restore()


def test_every_file_of_a_checkpoint_is_fingerprinted(store, variable, tmp_path):
    _save(store, variable, 10)
    folder = tmp_path / "checkpoints" / "step-0000000010"
    listed = json.loads((folder / "complete.json").read_text())
    assert set(listed) == {path.name for path in folder.iterdir()} - {"complete.json"}
