from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.scalar.summary_v2 import scalar_pb

from models.training import event_files


def _write(directory, steps):
    writer = event_files.EventWriter(str(directory))
    for step in steps:
        writer.write(step, scalar_pb("a", 10.0 * step), scalar_pb("b", -step))
    writer.close()


def _curve(directory, tag="a"):
    """What TensorBoard's own reader finds."""
    events = EventAccumulator(str(directory), size_guidance={"tensors": 0}, purge_orphaned_data=False)
    events.Reload()
    if tag not in events.Tags()["tensors"]:
        return []
    return [(event.step, event.tensor_proto.float_val[0]) for event in events.Tensors(tag)]


def test_tensorboard_reads_what_is_written(tmp_path):
    _write(tmp_path, [1, 2, 5])
    assert _curve(tmp_path) == [(1, 10.0), (2, 20.0), (5, 50.0)]
    assert _curve(tmp_path, "b") == [(1, -1.0), (2, -2.0), (5, -5.0)]


def test_an_event_can_be_read_while_the_file_is_open(tmp_path):
    writer = event_files.EventWriter(str(tmp_path))
    for step in (1, 2):
        writer.write(step, scalar_pb("a", 1.0))
        assert [event.step for event in event_files.read(str(tmp_path))][1:] == list(range(1, step + 1))
    writer.close()


def test_files_opened_within_one_second_are_read_in_the_order_of_writing(tmp_path):
    for step in range(5):
        _write(tmp_path, [step])
    assert len(event_files.paths(str(tmp_path))) == 5
    assert [step for step, _ in _curve(tmp_path)] == [0, 1, 2, 3, 4]


def test_keeping_until_a_step_drops_what_comes_after(tmp_path):
    _write(tmp_path, [1, 2, 3])
    _write(tmp_path, [4, 5, 6])
    assert event_files.keep_until(str(tmp_path), 4) == {"a", "b"}
    assert [step for step, _ in _curve(tmp_path)] == [1, 2, 3, 4]
    assert event_files.keep_until(str(tmp_path), 0) == set()
    assert _curve(tmp_path) == []


@settings(max_examples=25, deadline=None)
@given(cut=st.integers(1, 400))
def test_a_truncated_end_costs_its_own_record_and_no_other(tmp_path_factory, cut):
    directory = tmp_path_factory.mktemp("log")
    _write(directory, range(20))
    [path] = map(Path, event_files.paths(str(directory)))
    whole = path.read_bytes()
    path.write_bytes(whole[:-cut])
    kept = [event.step for event in event_files.read(str(directory))][1:]
    assert kept == list(range(len(kept)))
    size = len(whole) / 21
    assert len(kept) >= 20 - cut / size * 1.5 - 1
    event_files.keep_until(str(directory), 100)
    assert [step for step, _ in _curve(directory)] == kept


@pytest.mark.parametrize("end", [bytes(64), b"\xff" * 64, b"\x05" + bytes(30)])
def test_an_end_that_is_no_record_is_passed_over(tmp_path, end):
    _write(tmp_path, [1, 2])
    [path] = map(Path, event_files.paths(str(tmp_path)))
    path.write_bytes(path.read_bytes() + end)
    assert [event.step for event in event_files.read(str(tmp_path))][1:] == [1, 2]


def test_carrying_copies_to_another_directory_and_leaves_the_source_as_it_is(tmp_path):
    _write(tmp_path / "killed", [1, 2, 3, 4])
    before = [path.read_bytes() for path in (tmp_path / "killed").iterdir()]
    event_files.carry(str(tmp_path / "killed"), str(tmp_path / "next"), 2)
    _write(tmp_path / "next", [3, 4])
    assert _curve(tmp_path / "next") == _curve(tmp_path / "killed")
    assert [path.read_bytes() for path in (tmp_path / "killed").iterdir()] == before


def test_what_a_kill_leaves_of_a_rewrite_is_no_event_file(tmp_path, monkeypatch):
    import tensorflow as tf

    def killed(*_, **__):
        raise KeyboardInterrupt

    _write(tmp_path, [1, 2, 3])
    monkeypatch.setattr(tf.io.gfile, "rename", killed)
    with pytest.raises(KeyboardInterrupt):
        event_files.keep_until(str(tmp_path), 1)
    monkeypatch.undo()
    assert [step for step, _ in _curve(tmp_path)] == [1, 2, 3]
    event_files.keep_until(str(tmp_path), 2)
    assert [step for step, _ in _curve(tmp_path)] == [1, 2]
