import pytest

from serving.batching.parameters import BatchingParameters, parameters_from_proto
from serving.errors import StartError
from serving.settings.text_protos import read_batching_parameters


def test_a_file_is_read_and_what_it_leaves_out_has_tensorflow_servings_default(tmp_path):
    file = tmp_path / "batching.txt"
    file.write_text(
        "max_batch_size { value: 32 } batch_timeout_micros { value: 500 } thread_pool_name { value: 'p' }\n"
        "num_batch_threads { value: 3 } allowed_batch_sizes: 8 allowed_batch_sizes: 32\n"
        "enable_large_batch_splitting { value: true } pad_variable_length_inputs: true\n"
    )
    assert parameters_from_proto(read_batching_parameters(str(file))) == BatchingParameters(
        max_batch_size=32,
        batch_timeout_micros=500,
        max_enqueued_batches=10,
        num_batch_threads=3,
        allowed_batch_sizes=(8, 32),
        pad_variable_length_inputs=True,
        enable_large_batch_splitting=True,
    )


def test_the_padded_size_is_the_next_that_is_allowed():
    parameters = BatchingParameters(max_batch_size=8, allowed_batch_sizes=(2, 4, 8))
    assert [parameters.padded_size(rows) for rows in (1, 2, 3, 5, 8)] == [2, 2, 4, 8, 8]
    assert BatchingParameters().padded_size(5) == 5


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"max_batch_size": 0}, "max_batch_size is 0; expected at least 1"),
        ({"num_batch_threads": 0}, "num_batch_threads is 0"),
        ({"max_enqueued_batches": 0}, "max_enqueued_batches is 0"),
        ({"batch_timeout_micros": -1}, "batch_timeout_micros is -1"),
        (
            {"allowed_batch_sizes": (4, 2)},
            r"allowed_batch_sizes is \[4, 2\]; expected ascending numbers from 1 up",
        ),
        (
            {"max_batch_size": 8, "allowed_batch_sizes": (2, 4)},
            "Last entry in allowed_batch_sizes must match max_batch_size; last entry was 4; expected 8",
        ),
        ({"max_batch_size": 8, "max_execution_batch_size": 9}, "expected at most max_batch_size, 8"),
    ],
)
def test_parameters_that_cannot_work_are_refused(wrong, message):
    with pytest.raises(StartError, match=message):
        BatchingParameters(**wrong)
