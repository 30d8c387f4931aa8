import pytest
import tensorflow as tf

from serving.errors import FailedPreconditionError, InvalidArgumentError, LoadError
from serving.servables.servable import load_servable


@pytest.fixture(scope="module")
def numeric(numeric_dir):
    return load_servable(str(numeric_dir / "3"))


def lists(outputs):
    return {name: tensor.numpy().tolist() for name, tensor in outputs.items()}


def test_a_signature_is_run(numeric):
    assert lists(numeric.run("serving_default", {"x": tf.constant([1.5])})) == {"y": [3.0]}


def test_a_left_out_input_takes_its_default(numeric):
    assert lists(numeric.run("add", {"x": tf.constant([1.0])})) == {"sum": [11.0], "difference": [-9.0]}


def test_the_output_filter_chooses_outputs(numeric):
    assert lists(numeric.run("add", {"x": tf.constant([1.0])}, ["difference"])) == {"difference": [-9.0]}


X = tf.constant([1.0])


@pytest.mark.parametrize(
    ("signature", "inputs", "output_filter", "message"),
    [
        (
            "serving_default",
            {},
            [],
            "input size does not match signature: 0!=1 len({}) != len({x})."
            " Sent extra: {}. Missing but required: {x}.",
        ),
        (
            "serving_default",
            {"x": X, "q": X},
            [],
            "input size does not match signature: 2!=1 len({q,x}) != len({x})."
            " Sent extra: {q}. Missing but required: {}.",
        ),
        (
            "serving_default",
            {"q": X},
            [],
            "Signature input alias: x(feed name: serving_default_x:0) not found in request"
            " and no default value provided. Inputs expected to be in the request {q},"
            " or default input alias set: ",
        ),
        (
            "add",
            {"x": X, "q": X},
            [],
            "Inputs contains invalid name. Used request inputs: x, request input: q,x",
        ),
        (
            "serving_default",
            {"x": tf.constant([1.0], tf.float64)},
            [],
            "Expects arg[0] to be float but double is provided",
        ),
        ("serving_default", {"x": tf.constant([1])}, [], "Expects arg[0] to be float but int32 is provided"),
        ("add", {"x": X, "z": tf.constant(["a"])}, [], "Expects arg[1] to be float but string is provided"),
        (
            "serving_default",
            {"x": X},
            ["z"],
            "output tensor alias not found in signature: z Outputs expected to be in the set {y}.",
        ),
        ("serving_default", {"x": X}, ["y", "y"], "duplicate output tensor alias: y"),
    ],
)
def test_requests_that_do_not_fit_the_signature_are_refused(
    numeric, signature, inputs, output_filter, message
):
    with pytest.raises(InvalidArgumentError) as caught:
        numeric.run(signature, inputs, output_filter)
    assert caught.value.message == message


def test_an_unknown_signature_is_a_failed_precondition(numeric):
    with pytest.raises(FailedPreconditionError, match=r'^Serving signature key "nope" not found.$'):
        numeric.run("nope", {})


def test_a_failing_assertion_speaks_in_its_authors_words(numeric):
    with pytest.raises(InvalidArgumentError, match=r"^the batch has more than 4 rows: send fewer$"):
        numeric.run("matrix", {"x": tf.zeros([5, 1])})


def test_a_wrong_shape_is_left_to_the_ops(numeric):
    assert lists(numeric.run("serving_default", {"x": tf.constant([[1.0]])})) == {"y": [[2.0]]}
    with pytest.raises(InvalidArgumentError, match=r"Incompatible shapes: \[2\] vs. \[3\]"):
        numeric.run("add", {"x": tf.zeros([2]), "z": tf.zeros([3])})


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (
            lambda folder: (folder / "saved_model.pb").unlink(),
            "cannot read .*saved_model.pb: it does not exist",
        ),
        (lambda folder: (folder / "saved_model.pb").write_bytes(b""), "saved_model.pb is empty"),
        (
            lambda folder: (folder / "saved_model.pb").write_bytes(
                (folder / "saved_model.pb").read_bytes()[:500]
            ),
            "saved_model.pb is truncated or not a SavedModel",
        ),
        (
            lambda folder: (folder / "variables" / "variables.index").unlink(),
            "cannot load the SavedModel in ",
        ),
    ],
)
def test_a_broken_saved_model_is_a_load_error_of_one_line(tmp_path, save_factor, spoil, message):
    save_factor(tmp_path / "1")
    spoil(tmp_path / "1")
    with pytest.raises(LoadError, match=message) as caught:
        load_servable(str(tmp_path / "1"))
    assert "\n" not in caught.value.message
