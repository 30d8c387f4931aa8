"""The layer computes what Keras' computes, forward and backward."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from models.networks.lstm_layer import LSTM

BATCH, LENGTH, WIDTH, UNITS = 3, 7, 5, 6


def _pair(**options):
    inputs = keras.random.normal([BATCH, LENGTH, WIDTH], seed=1)
    layers = [
        cls(UNITS, return_sequences=True, return_state=True, **options) for cls in (keras.layers.LSTM, LSTM)
    ]
    for layer in layers:
        layer.build(inputs.shape)
    layers[1].set_weights([weight + 0.1 for weight in layers[0].get_weights()])
    layers[0].set_weights(layers[1].get_weights())
    return inputs, layers


def _outputs_and_gradients(layer, inputs, states):
    with tf.GradientTape() as tape:
        tape.watch([inputs, *states])
        outputs, h, c = layer(inputs, initial_state=states)
        # Unequal weights, so that no two gradients are the same by chance.
        total = tf.reduce_sum(
            outputs * tf.reshape(tf.range(outputs.shape.num_elements(), dtype=tf.float32), outputs.shape)
        )
        total += tf.reduce_sum(3.0 * h) - tf.reduce_sum(c * c)
    weights = [weight.value for weight in layer.trainable_variables]
    return [outputs, h, c, *tape.gradient(total, [inputs, *states, *weights])]


@pytest.mark.parametrize("compiled", [None, False, True])
def test_outputs_states_and_every_gradient_are_kerass(compiled):
    inputs, layers = _pair()
    states = [keras.random.normal([BATCH, UNITS], seed=seed) for seed in (2, 3)]
    keras_values, values = (
        (
            _outputs_and_gradients
            if compiled is None
            else tf.function(_outputs_and_gradients, jit_compile=compiled, autograph=False)
        )(layer, inputs, states)
        for layer in layers
    )
    for one, other in zip(keras_values, values, strict=True):
        np.testing.assert_allclose(other, one, rtol=2e-4, atol=2e-5)


def test_the_dropped_units_of_a_state_are_the_same_at_every_step():
    """With an identity for the recurrent part, a unit that is dropped never sees its own past."""
    layer = LSTM(UNITS, return_sequences=True, recurrent_dropout=0.5, seed=4)
    inputs = keras.random.normal([BATCH, LENGTH, WIDTH], seed=1)
    layer.build(inputs.shape)
    layer.set_weights(
        [layer.get_weights()[0], np.tile(np.eye(UNITS, dtype=np.float32), [1, 4]), layer.get_weights()[2]]
    )
    dropped = layer(inputs, training=True).numpy()
    alone = layer.cell
    alone.recurrent_kernel.assign(0 * alone.recurrent_kernel)
    without = layer(inputs, training=False).numpy()
    same = np.isclose(dropped, without, atol=1e-6).all(axis=1)
    later = np.isclose(dropped[:, 1:], without[:, 1:], atol=1e-6)
    assert same.any()
    assert not same.all()
    assert (later.all(axis=1) == later.any(axis=1)).all()


def test_a_length_that_is_known_only_at_run_time_is_read():
    inputs, (reference, layer) = _pair()
    run = tf.function(lambda x: layer(x)[0], input_signature=[tf.TensorSpec([None, None, WIDTH], tf.float32)])
    np.testing.assert_allclose(run(inputs), reference(inputs)[0], rtol=1e-4, atol=1e-5)
