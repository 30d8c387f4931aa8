"""Keras' LSTM layer, with a loop of our own where it does not run on cuDNN.

The same weights and the same numbers (a test compares both). Keras' loop is differentiated step by
step, which adds up the gradient of the recurrent matrix in as many products as there are tokens. Here
the loops, forward and backward, hold only what depends on the step before; the input's product, the
gates' derivatives and all gradients of matrices are each one operation over the whole sequence. For
gates ``i, f, g, o`` of ``z_t = x_t W + h_(t-1) U + b``, ``c_t = f c_(t-1) + i g``, ``h_t = o tanh(c_t)``,

    dh_t += (gradient from above)             dc_t += dh_t o (1 - tanh(c_t)^2)
    dz_t  = [dc_t g i(1-i), dc_t c_(t-1) f(1-f), dc_t i (1-g^2), dh_t tanh(c_t) o(1-o)]
    dh_(t-1) = dz_t U^T                       dc_(t-1) = dc_t f

and ``dU`` is the sum over t of ``h_(t-1)^T dz_t``: one product at the end (Graves, arXiv 1308.0850,
section 2, without peepholes). Memory: the gates and both states of each token.

A step reads one array of factors rather than one for each: XLA puts several into an order that differs
from one compilation to the next, and with it the last bit of the result.
"""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf


class LSTM(keras.layers.LSTM):
    """``(batch, length, n)`` to ``(batch, length, units)``; see `keras.layers.LSTM`. Takes no mask."""

    def inner_loop(self, sequences: Any, initial_state: Any, mask: Any, training: bool = False) -> Any:
        """What the base class calls with its inputs: last output, all outputs, last states."""
        on_cudnn = tf.config.list_physical_devices("GPU") and not self.recurrent_dropout
        if on_cudnn or mask is not None or isinstance(sequences, keras.KerasTensor):
            return super().inner_loop(sequences, initial_state, mask, training=training)
        h, c = (tf.cast(state, sequences.dtype) for state in initial_state)
        outputs, last_c = self._scan(sequences, h, c, None, training)
        return outputs[-1], tf.transpose(outputs, [1, 0, 2]), [outputs[-1], last_c]

    def read_documents(self, sequences: tf.Tensor, starts: tf.Tensor, training: bool) -> tf.Tensor:
        """All outputs, with the states zero before each token where ``starts``, bool ``(batch, length)``,
        says so. Not on cuDNN, which cannot forget."""
        sequences = tf.cast(sequences, self.compute_dtype)
        continues = tf.cast(~tf.transpose(starts)[:, :, tf.newaxis], sequences.dtype)
        zeros = tf.zeros([tf.shape(sequences)[0], self.units], sequences.dtype)
        outputs, _ = self._scan(sequences, zeros, zeros, continues, training)
        self.cell.reset_recurrent_dropout_mask()
        return tf.transpose(outputs, [1, 0, 2])

    def _scan(self, sequences: Any, h: Any, c: Any, continues: Any, training: bool) -> tuple[Any, Any]:
        kept = None
        if training and self.recurrent_dropout:
            # Keras makes a mask for each gate, and uses the first for all.
            kept, *_ = self.cell.get_recurrent_dropout_mask(h)
        kernel, recurrent, bias = (
            tf.cast(tf.convert_to_tensor(weight), sequences.dtype)
            for weight in (self.cell.kernel, self.cell.recurrent_kernel, self.cell.bias)
        )
        projected = tf.transpose(tf.matmul(sequences, kernel) + bias, [1, 0, 2])
        return scan(projected, recurrent, kept, h, c, continues)


def scan(
    projected: tf.Tensor,
    recurrent: tf.Tensor,
    kept: tf.Tensor | None,
    h: tf.Tensor,
    c: tf.Tensor,
    continues: tf.Tensor | None = None,
) -> tuple[tf.Tensor, tf.Tensor]:
    """The recurrence, with the gradient of the module's docstring.

    Args:
      projected: ``x W + b``, ``(length, batch, 4 units)``, gates in Keras' order i, f, g, o.
      recurrent: ``U``, ``(units, 4 units)``.
      kept: ``(batch, units)``, by which a step's output is multiplied before the next reads it, or None.
      h, c: ``(batch, units)``, the states before the first step.
      continues: ``(length, batch, 1)``, 0 where a step forgets the states before it and else 1, or None.

    Returns:
      Outputs ``(length, batch, units)``, and the last ``c``.
    """

    @tf.custom_gradient
    def run(projected: Any, recurrent: Any, h: Any, c: Any) -> Any:
        outputs, cells, gates = _forward(projected, recurrent, kept, h, c, continues)

        def gradient(d_outputs: tf.Tensor, d_last_c: tf.Tensor) -> Any:
            cells_before = tf.concat([c[tf.newaxis], cells[:-1]], axis=0)
            read = tf.concat([h[tf.newaxis], outputs[:-1]], axis=0)
            if continues is not None:
                cells_before, read = cells_before * continues, read * continues
            d_projected, d_h, d_c = _backward(
                d_outputs, d_last_c, gates, cells, cells_before, tf.transpose(recurrent), kept, continues
            )
            read = read if kept is None else read * kept
            d_recurrent = tf.matmul(_flat(read), _flat(d_projected), transpose_a=True)
            return d_projected, d_recurrent, d_h, d_c

        return (outputs, cells[-1]), gradient

    return run(projected, recurrent, h, c)


def _forward(
    projected: Any, recurrent: Any, kept: Any, h: Any, c: Any, continues: Any
) -> tuple[Any, Any, Any]:
    """Outputs, cells and gates of every step. One sigmoid for all gates: ``tanh(z) = 2 sigmoid(2 z) - 1``."""
    doubled = tf.constant([1.0, 1.0, 2.0, 1.0], projected.dtype)
    scale = tf.repeat(doubled, recurrent.shape[0])
    projected, recurrent = projected * scale, recurrent * scale

    def step(t: Any, h: Any, c: Any, arrays: Any) -> Any:
        if continues is not None:
            h, c = h * tf.gather(continues, t), c * tf.gather(continues, t)
        read = h if kept is None else h * kept
        gates = tf.sigmoid(tf.gather(projected, t) + tf.matmul(read, recurrent))
        i, f, half_g, o = tf.split(gates, 4, axis=-1)
        c = f * c + i * (half_g + half_g - 1)
        h = o * tf.tanh(c)
        return (
            t + 1,
            h,
            c,
            tuple(array.write(t, value) for array, value in zip(arrays, (h, c, gates), strict=True)),
        )

    arrays = tuple(_array(projected, like) for like in (h, c, projected[0]))
    *_, arrays = _loop(step, tf.shape(projected)[0], (tf.constant(0), h, c, arrays))
    outputs, cells, gates = (array.stack() for array in arrays)
    return outputs, cells, gates * scale - (scale - 1)


def _backward(
    d_outputs: Any,
    d_last_c: Any,
    gates: Any,
    cells: Any,
    cells_before: Any,
    transposed: Any,
    kept: Any,
    continues: Any,
) -> tuple[Any, Any, Any]:
    """Gradients of the projected inputs, and of the states before the first step."""
    i, f, g, o = tf.split(gates, 4, axis=-1)
    tanh_c = tf.tanh(cells)
    # What dh_t, dc_t and dz_t are multiplied by, in one array: a step reads it once.
    factors = tf.concat(
        [
            o * (1 - tanh_c * tanh_c), f,
            g * i * (1 - i), cells_before * f * (1 - f), i * (1 - g * g), tanh_c * o * (1 - o),
        ],
        axis=-1,
    )  # fmt: skip
    length, units = tf.shape(gates)[0], cells.shape[-1]

    def step(t: Any, d_h: Any, d_c: Any, array: Any) -> Any:
        to_cell, f, of_gates = tf.split(tf.gather(factors, t), [units, units, 4 * units], axis=-1)
        d_h += tf.gather(d_outputs, t)
        d_c += d_h * to_cell
        d_z = tf.concat([d_c, d_c, d_c, d_h], axis=-1) * of_gates
        d_read, d_c = tf.matmul(d_z, transposed), d_c * f
        if continues is not None:
            d_read, d_c = d_read * tf.gather(continues, t), d_c * tf.gather(continues, t)
        return t - 1, d_read if kept is None else d_read * kept, d_c, array.write(t, d_z)

    start = (length - 1, tf.zeros_like(d_last_c), d_last_c, _array(gates, gates[0]))
    _, d_h, d_c, array = _loop(step, length, start)
    return array.stack(), d_h, d_c


def _loop(step: Any, length: tf.Tensor, start: Any) -> Any:
    return tf.while_loop(
        lambda t, *_: (t >= 0) & (t < length), step, start, maximum_iterations=length, parallel_iterations=1
    )


def _array(sequence: tf.Tensor, like: tf.Tensor) -> tf.TensorArray:
    size = sequence.shape[0] or tf.shape(sequence)[0]
    return tf.TensorArray(sequence.dtype, size, element_shape=like.shape)


def _flat(sequence: tf.Tensor) -> tf.Tensor:
    return tf.reshape(sequence, [-1, sequence.shape[-1]])
