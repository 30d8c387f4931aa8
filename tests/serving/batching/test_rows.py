import numpy as np
import pytest
import tensorflow as tf

from serving.batching.rows import cut, divided, inner_shapes, joined, repeated, rows_of


def feeds(**values):
    return {alias: tf.constant(value) for alias, value in values.items()}


def lists(tensors):
    return {alias: tensor.numpy().tolist() for alias, tensor in tensors.items()}


@pytest.mark.parametrize(
    ("given", "settings", "expected"),
    [
        (feeds(x=[1.0, 2.0], y=[[1], [2]]), (), 2),
        (feeds(x=[1.0]), (), 1),
        (feeds(x=[1.0, 2.0], seed=[3]), ("seed",), 2),
        # Without a default, an input of length one may mean something else than a row.
        (feeds(x=[1.0, 2.0], seed=[3]), (), None),
        (feeds(x=[1.0, 2.0, 3.0], y=[1, 2]), ("y",), None),
        (feeds(x=1.0), (), None),
        ({"x": tf.zeros([0])}, (), None),
        ({}, (), None),
    ],
)
def test_rows_are_counted_where_a_request_has_them(given, settings, expected):
    assert rows_of(given, settings) == expected


def test_a_setting_is_repeated_for_each_row():
    assert lists(repeated(feeds(x=["a", "b"], seed=[3]), 2)) == {"x": [b"a", b"b"], "seed": [3, 3]}


def test_requests_of_equal_inner_shapes_or_ranks_can_be_joined():
    one, other = feeds(x=[[1.0, 2.0]], y=[1]), feeds(x=[[1.0]], y=[1])
    assert inner_shapes(one, ranks_only=False) != inner_shapes(other, ranks_only=False)
    assert inner_shapes(one, ranks_only=True) == inner_shapes(other, ranks_only=True)


def test_requests_are_joined_and_divided_again():
    requests = [feeds(x=["a"], y=[1]), feeds(x=["b", "c"], y=[2, 3])]
    batch = joined(requests, num_rows=3, padded_size=3)
    assert lists(batch) == {"x": [b"a", b"b", b"c"], "y": [1, 2, 3]}
    assert [lists(part) for part in divided(batch, [1, 2], 3)] == [lists(request) for request in requests]


def test_a_batch_is_padded_with_the_last_requests_first_row():
    batch = joined([feeds(x=[1, 2]), feeds(x=[3, 4])], num_rows=4, padded_size=6)
    assert lists(batch) == {"x": [1, 2, 3, 4, 3, 3]}
    assert [lists(part) for part in divided(batch, [2, 2], 6)] == [{"x": [1, 2]}, {"x": [3, 4]}]


def test_other_axes_are_padded_with_each_tensors_first_element():
    requests = [feeds(x=[[7, 8]], s=[["a"]]), feeds(x=[[1, 2, 3]], s=[["b", "c"]])]
    assert lists(joined(requests, 2, 2)) == {
        "x": [[7, 8, 7], [1, 2, 3]],
        "s": [[b"a", b"a"], [b"b", b"c"]],
    }


def test_outputs_without_a_row_for_each_input_row_are_not_divided():
    assert divided(feeds(y=[1, 2, 3]), [1, 1], 2) is None
    assert divided(feeds(y=1), [1, 1], 2) is None


def test_a_large_request_is_cut():
    pieces = cut(feeds(x=np.arange(5)), num_rows=5, size=2)
    assert [lists(piece) for piece in pieces] == [{"x": [0, 1]}, {"x": [2, 3]}, {"x": [4]}]
