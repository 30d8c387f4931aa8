import keras
import numpy as np
import pytest
import tensorflow as tf

from models import causal_lm
from models.config import ModelConfig
from models.decoding.keras_rows import KerasRowDecoder, plain_slice_update


def _ids(shape, seed=0):
    return tf.constant(np.random.default_rng(seed).integers(3, 320, shape), tf.int32)


def test_a_decoders_logits_are_the_keras_models(model):
    ids = _ids((3, 20))
    expected = causal_lm.logits(model, ids).numpy()
    found = model.decoder().sequence_logits(ids).numpy()
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5 * np.abs(expected).max())


def test_rows_read_at_positions_of_their_own_give_the_logits_of_their_whole_sequences(model):
    decoder, ids = model.decoder(), _ids((3, 16))
    expected = decoder.sequence_logits(ids).numpy()
    starts = np.array([5, 0, 9], np.int32)
    cache = decoder.empty_cache(3, 16)
    # The rows' first tokens, filled up with tokens that are not theirs.
    _, cache = decoder.read(_ids((3, 9), seed=1), cache, tf.zeros([3], tf.int32), tf.zeros([3], tf.int32))
    own = tf.where(tf.range(9) < starts[:, np.newaxis], ids[:, :9], _ids((3, 9), seed=2))
    _, cache = decoder.read(own, cache, tf.zeros([3], tf.int32), tf.constant(starts))
    for step in range(4):
        at = starts + step
        column = tf.gather(ids, at, batch_dims=1)[:, tf.newaxis]
        hidden, cache = decoder.read(column, cache, tf.constant(at), tf.ones([3], tf.int32))
        for row in range(3):
            found = decoder.logits(hidden[:, 0])[row].numpy()
            scale = np.abs(expected).max()
            np.testing.assert_allclose(found, expected[row, at[row]], rtol=1e-5, atol=1e-5 * scale)


@pytest.mark.parametrize("company", [1, 4, 15, 63])
def test_a_rows_numbers_are_the_same_to_the_bit_alone_and_in_company(model, company):
    decoder, ids = model.decoder(), _ids((64, 12))

    def logits(rows, room):
        cache = decoder.empty_cache(len(rows), room)
        for index, row in enumerate(rows):
            one = decoder.empty_cache(1, 16)
            _, one = decoder.read(ids[row : row + 1, :9], one, tf.constant([0]), tf.constant([9]))
            cache = decoder.inserted(cache, one, index)
        for position in range(9, 12):
            at = tf.fill([len(rows)], position)
            column = tf.gather(ids, rows)[:, position : position + 1]
            hidden, cache = decoder.read(column, cache, at, tf.ones_like(at))
        return decoder.logits(hidden[:, 0])[-1].numpy()

    others = [*range(6, 64), *range(5)][:company]
    np.testing.assert_array_equal(logits([*others, 5], 256), logits([5], 128))


def test_a_row_goes_on_alike_in_another_cache(model):
    decoder, ids = model.decoder(), _ids((1, 12))
    one, nothing = tf.constant([1]), tf.constant([0])
    _, row = decoder.read(ids[:, :11], decoder.empty_cache(1, 16), nothing, tf.constant([11]))
    hidden, _ = decoder.read(ids[:, 11:], decoder.resized(row, [0], 128), tf.constant([11]), one)
    expected = decoder.logits(hidden[:, 0]).numpy()[0]

    slots = decoder.inserted(decoder.empty_cache(4, 128), row, 2)
    slots = decoder.resized(slots, [0, 2], 256)
    column = tf.concat([_ids((1, 1), seed=3), ids[:, 11:]], axis=0)
    hidden, _ = decoder.read(column, slots, tf.constant([0, 11]), tf.ones([2], tf.int32))
    np.testing.assert_array_equal(decoder.logits(hidden[:, 0]).numpy()[1], expected)


@pytest.mark.parametrize("style", ["gpt2", "llama"])
def test_a_keras_hub_model_without_a_description_is_read_row_by_row(style):
    config = ModelConfig(style=style, num_layers=2, hidden_dim=16, num_heads=2)
    keras.utils.set_random_seed(1)
    model = causal_lm.build(config, 320, 24)
    decoder = KerasRowDecoder(model, 2, 2, 8, 24, 320)
    ids = _ids((2, 12))
    expected = causal_lm.logits(model, ids).numpy()
    np.testing.assert_allclose(decoder.sequence_logits(ids), expected, rtol=1e-4, atol=1e-5)
    starts = np.array([3, 9], np.int32)
    _, row = decoder.read(ids[1:], decoder.empty_cache(1, 12), tf.constant([0]), tf.constant([9]))
    _, cache = decoder.read(ids, decoder.empty_cache(2, 16), tf.zeros([2], tf.int32), tf.constant(starts))
    cache = decoder.inserted(decoder.resized(cache, [0, 0], 24), row, 1)
    column = tf.gather(ids, starts, batch_dims=1)[:, tf.newaxis]
    hidden, _ = decoder.read(column, cache, tf.constant(starts), tf.ones([2], tf.int32))
    found = decoder.logits(hidden[:, 0]).numpy()
    np.testing.assert_allclose(found, expected[[0, 1], starts], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("start", [(0, 0, 0), (1, 2, 0), (0, 3, 1)])
def test_plain_slice_update_is_keras_slice_update(start):
    inputs, updates = tf.random.normal([3, 5, 4]), tf.random.normal([2, 2, 3])
    expected = keras.ops.slice_update(inputs, start, updates).numpy()
    with plain_slice_update():
        np.testing.assert_array_equal(keras.ops.slice_update(inputs, start, updates).numpy(), expected)
