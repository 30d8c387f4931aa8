import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.training.row_store import order


@settings(deadline=None, max_examples=40)
@given(num_rows=st.integers(1, 200), batch_size=st.integers(1, 30), seed=st.integers(0, 2**31 - 1))
def test_each_epoch_has_every_row_once(num_rows, batch_size, seed):
    steps = -(-3 * num_rows // batch_size)
    rows = np.concatenate([order(num_rows, batch_size, seed, step) for step in range(steps)])
    for epoch in range(3):
        assert sorted(rows[epoch * num_rows : (epoch + 1) * num_rows]) == list(range(num_rows))


def test_epochs_and_seeds_have_orders_of_their_own():
    first, second = order(1000, 1000, 0, 0), order(1000, 1000, 0, 1)
    assert not np.array_equal(first, second)
    assert not np.array_equal(first, order(1000, 1000, 1, 0))
    assert not np.array_equal(first, np.arange(1000))


def test_a_steps_rows_are_those_of_its_place_in_the_epoch():
    epoch = order(1000, 1000, 3, 0)
    assert order(1000, 8, 3, 77).tolist() == epoch[8 * 77 : 8 * 78].tolist()


@pytest.mark.parametrize("seed", [0, 7])
def test_neighbours_in_the_files_are_not_neighbours_in_training(seed):
    distances = np.abs(np.diff(order(10_000, 10_000, seed, 0)))
    assert np.median(distances) > 1000
