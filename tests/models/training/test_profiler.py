import pytest
import tensorflow as tf

from models.training.profiler import StepProfiler


@tf.function
def _step(x):
    return tf.matmul(x, x)


def _train(directory, num_steps, block=1, until=12):
    with StepProfiler(str(directory), num_steps, first_step=4) as profiler:
        for first in range(1, until + 1, block):
            with profiler.steps(first, first + block - 1):
                _step(tf.ones([8, 8])).numpy()


def _traces(directory):
    return list(directory.glob("plugins/profile/*/*.xplane.pb"))


@pytest.mark.parametrize("block", [1, 3])
def test_some_steps_after_the_first_are_traced_once(tmp_path, block):
    _train(tmp_path, num_steps=3, block=block)
    [trace] = _traces(tmp_path)
    assert b"train" in trace.read_bytes()


def test_training_that_ends_within_the_trace_leaves_one(tmp_path):
    _train(tmp_path, num_steps=100)
    assert len(_traces(tmp_path)) == 1


def test_without_steps_nothing_is_traced(tmp_path):
    _train(tmp_path, num_steps=0)
    assert list(tmp_path.iterdir()) == []
