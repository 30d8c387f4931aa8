import keras
import numpy as np
import pytest
import tensorflow as tf

from models import causal_lm, generation, sampling
from models.config import ModelConfig
from models.decoding import decoder as decoders
from models.decoding import writes
from models.decoding.keras_weights import frozen
from models.features import END_ID, PAD_ID
from models.tokenizing.vocabulary import Vocabulary
from pipeline import stack

VOCABULARY = Vocabulary((b"",) * 3 + (b"a",) * 317, start_id=END_ID, end_id=END_ID, pad_id=PAD_ID)
READ, STEPS = 9, 8
CONFIGS = {
    "gpt2": ModelConfig(num_layers=2, hidden_dim=16, num_heads=2),
    "gpt2-untied": ModelConfig(num_layers=1, hidden_dim=48, num_heads=4, tied_embeddings=False),
    "lstm": ModelConfig(family="lstm", num_layers=2, hidden_dim=16),
    "lstm-projected": ModelConfig(family="lstm", num_layers=2, hidden_dim=24, embedding_dim=16),
}
IDS = np.random.default_rng(0).integers(3, 320, (32, READ + 1)).astype(np.int32)


def _steps(decoder, rows, room, jit_compile):
    """What follows these rows' tokens, likelihoods too; every other row is sampled."""

    def decode(cache, token_ids, temperature):
        count = len(rows)
        options = sampling.SamplingOptions(
            temperature, tf.zeros([count], tf.int32), tf.fill([count], 0.9), tf.zeros([count], tf.int32)
        )
        return generation.decode(
            decoder,
            VOCABULARY,
            cache,
            token_ids,
            positions=tf.fill([count], READ),
            limits=tf.fill([count], STEPS),
            uniform=tf.fill([count, STEPS], 0.4),
            options=options,
            num_steps=tf.constant(STEPS),
            with_likelihoods=tf.constant(True),
        )._asdict()

    cache = decoder.empty_cache(len(rows), room)
    for index, row in enumerate(rows):
        one = decoder.empty_cache(1, 16)
        _, one = decoder.read(IDS[row : row + 1, :READ], one, tf.constant([0]), tf.constant([READ]))
        cache = decoder.inserted(cache, one, index)
    # Traced for any number of rows, as exported functions are, and compiled for this one.
    given = [_any_rows(decoder), tf.TensorSpec([None], tf.int32), tf.TensorSpec([None], tf.float32)]
    traced = tf.function(decode, input_signature=given, autograph=False)
    run = tf.function(lambda *values: traced(*values), jit_compile=jit_compile, autograph=False)
    return run(cache, tf.constant(IDS[rows, READ]), tf.constant([float(row % 2) for row in rows]))


@pytest.fixture(scope="module", name="model", params=CONFIGS)
def compilable_model(request):
    return _built(CONFIGS[request.param])


def _built(config):
    keras.utils.set_random_seed(1)
    model = causal_lm.build(config, 320, 24)
    for variable in model.trainable_variables:
        if len(variable.shape) >= 2:
            variable.assign(variable * 6.0)
    return model


def _any_rows(decoder):
    number = tf.TensorSpec([], tf.int32)
    empty = tf.function(decoder.empty_cache, autograph=False).get_concrete_function(number, number)
    return tf.TensorSpec(empty.structured_outputs.shape, tf.float32)


@pytest.mark.parametrize("row", [4, 5])
def test_a_compiled_rows_numbers_are_the_same_to_the_bit_alone_and_in_company(request, model, row):
    if request.node.callspec.params["model"] == "gpt2-untied" and not stack.XLA_KEEPS_ROWS_APART:
        pytest.xfail("XLA of this stack's TensorFlow sums this model's products by the number of rows")
    decoder = model.decoder().compilable()
    alone = _steps(decoder, [row], 128, jit_compile=True)
    for company, room in (([*range(6, 13), row], 128), ([*range(6, 32), *range(5), row], 256)):
        together = _steps(decoder, company, room, jit_compile=True)
        for name in ("token_ids", "log_probabilities", "alternatives", "alternative_log_probabilities"):
            count = int(alone["num_tokens"][0])
            assert count == int(together["num_tokens"][-1])
            np.testing.assert_array_equal(together[name][-1, :count], alone[name][0, :count])


def test_compiled_or_not_the_same_tokens_follow(model):
    rows = list(range(8))
    plain = _steps(model.decoder(), rows, 128, jit_compile=False)
    compiled = _steps(model.decoder().compilable(), rows, 128, jit_compile=True)
    np.testing.assert_array_equal(compiled["num_tokens"], plain["num_tokens"])
    for row, count in enumerate(plain["num_tokens"].numpy()):
        np.testing.assert_array_equal(compiled["token_ids"][row, :count], plain["token_ids"][row, :count])
        np.testing.assert_allclose(
            compiled["log_probabilities"][row, :count], plain["log_probabilities"][row, :count], atol=1e-4
        )


def test_a_large_model_is_not_compiled(model, monkeypatch):
    decoder = frozen(model.decoder())
    num_bytes = sum(4 * variable.shape.num_elements() for variable in decoder.variables)
    monkeypatch.setattr(decoders, "_COMPILED_BYTES", num_bytes)
    assert decoder.compilable() is not None
    monkeypatch.setattr(decoders, "_COMPILED_BYTES", num_bytes - 1)
    assert decoder.compilable() is None


def test_a_model_of_llamas_style_is_not_compiled():
    model = _built(ModelConfig(style="llama", num_layers=1, hidden_dim=16, num_heads=2))
    assert model.decoder().compilable() is None


@pytest.mark.parametrize("in_place", [True, False])
def test_rows_are_written(in_place):
    target = writes.empty([4, 3], tf.int32, in_place)
    found = writes.written(target, tf.constant([2, 0]), tf.constant([[1, 2, 3], [4, 5, 6]]), in_place)
    assert found.numpy().tolist() == [[4, 5, 6], [0, 0, 0], [1, 2, 3], [0, 0, 0]]
