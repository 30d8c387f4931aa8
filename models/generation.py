"""Continuing token sequences with a cache, in one graph, by a ``tf.while_loop``.

The batch moves through positions together. Up to the shortest prompt's end all rows
are read in one call; from there on, one position a step, at which a row either reads
its prompt's own token or the one just chosen. So each row sees exactly the inputs
that it would see alone, and rows of different lengths need no padding inside the
cache. The cost is one step for each position between the shortest and the longest
prompt of a batch.

The graph holds only ops of the stock TensorFlow Serving image: see
`plain_slice_update`.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import NamedTuple
from unittest import mock

import keras
import tensorflow as tf

from models import sampling
from models.causal_lm import CausalLM
from models.features import END_ID, PAD_ID, UNK_ID


class Generated(NamedTuple):
    """What `generate` returns."""

    token_ids: tf.Tensor
    """Generated ids, int32 ``(batch, length)``, filled up with PAD_ID; the end token not included."""
    num_tokens: tf.Tensor
    """int32 ``(batch,)``."""
    stopped: tf.Tensor
    """bool ``(batch,)``: the model ended the document."""


class _Loop(NamedTuple):
    index: tf.Tensor
    token_ids: tf.Tensor
    logits: tf.Tensor
    cache: tf.Tensor
    num_tokens: tf.Tensor
    finished: tf.Tensor
    stopped: tf.Tensor


def generate(
    model: CausalLM,
    prompt_ids: tf.Tensor,
    prompt_lengths: tf.Tensor,
    max_new_tokens: tf.Tensor,
    options: sampling.SamplingOptions,
) -> Generated:
    """Continues each prompt until the model ends the document, ``max_new_tokens``, or a full context.

    Args:
      model: the language model.
      prompt_ids: int32 ``(batch, width)``; what lies past a row's length is ignored.
      prompt_lengths: int32 ``(batch,)``, from 1 to the model's context length.
      max_new_tokens: int32 ``(batch,)``, at least 1.
      options: how to choose tokens.
    """
    batch_size = tf.shape(prompt_ids)[0]
    context = model.context_length
    width = tf.minimum(context + 1, tf.reduce_max(prompt_lengths + max_new_tokens))
    cache_length = tf.minimum(context, width)
    token_ids = _resize(prompt_ids, width)
    noise = sampling.uniforms(options.seed, width)

    first = tf.reduce_min(prompt_lengths)
    cache = model.empty_cache(batch_size, cache_length)
    logits, _, cache = model.call_with_cache(token_ids[:, :first], cache, 0)
    no, zero = tf.zeros([batch_size], tf.bool), tf.zeros([batch_size], tf.int32)
    start = _Loop(first, token_ids, tf.cast(logits[:, -1], tf.float32), cache, zero, no, no)

    def proceed(state: _Loop) -> tf.Tensor:
        return (state.index < width) & ~tf.reduce_all(state.finished)

    def step(state: _Loop) -> tuple[_Loop]:
        in_prompt = state.index < prompt_lengths
        uniform = tf.gather(noise, tf.maximum(state.index - prompt_lengths, 0), batch_dims=1)
        chosen = sampling.choose(_mask_special(state.logits), uniform, options)
        active = ~in_prompt & ~state.finished
        stopped = state.stopped | (active & (chosen == END_ID))
        emit = active & ~stopped
        num_tokens = state.num_tokens + tf.cast(emit, tf.int32)

        own = state.token_ids[:, state.index]
        column = tf.where(in_prompt, own, tf.where(emit, chosen, PAD_ID))
        here = tf.range(width)[tf.newaxis] == state.index
        token_ids = tf.where(here, column[:, tf.newaxis], state.token_ids)
        # At the last position nothing is left to predict: the clamped call is not used.
        position = tf.minimum(state.index, cache_length - 1)
        logits, _, cache = model.call_with_cache(column[:, tf.newaxis], state.cache, position)
        finished = state.finished | stopped | (num_tokens >= max_new_tokens)
        logits = tf.cast(logits[:, 0], tf.float32)
        return (_Loop(state.index + 1, token_ids, logits, cache, num_tokens, finished, stopped),)

    shapes = _Loop(*(tf.TensorShape([None] * tensor.shape.rank) for tensor in start))
    shapes = shapes._replace(logits=_any_batch(start.logits), cache=_any_batch(start.cache))
    (end,) = tf.while_loop(proceed, step, (start,), shape_invariants=(shapes,))
    columns = prompt_lengths[:, tf.newaxis] + tf.range(tf.reduce_max(max_new_tokens))[tf.newaxis]
    inside = columns < (prompt_lengths + end.num_tokens)[:, tf.newaxis]
    generated = tf.gather(end.token_ids, tf.minimum(columns, width - 1), batch_dims=1)
    return Generated(tf.where(inside, generated, PAD_ID), end.num_tokens, end.stopped)


def _any_batch(tensor: tf.Tensor) -> tf.TensorShape:
    return tf.TensorShape([None, *tensor.shape[1:]])


def _resize(token_ids: tf.Tensor, width: tf.Tensor) -> tf.Tensor:
    """Cuts or fills the last axis to ``width``."""
    token_ids = token_ids[:, :width]
    return tf.pad(token_ids, [[0, 0], [0, width - tf.shape(token_ids)[1]]], constant_values=PAD_ID)


def _mask_special(logits: tf.Tensor) -> tf.Tensor:
    """Padding and the unknown token are never generated."""
    ids = tf.range(tf.shape(logits)[-1])
    return tf.where((ids == PAD_ID) | (ids == UNK_ID), float("-inf"), logits)


@contextlib.contextmanager
def plain_slice_update() -> Iterator[None]:
    """While it holds, Keras' ``ops.slice_update`` traces to plain TensorFlow ops.

    KerasHub writes its key-value cache with it, and Keras' TensorFlow backend makes
    an ``XlaDynamicUpdateSlice`` of that: an op of the XLA bridge, with no promise that a
    server has it. Traced under this context, any KerasHub model exports without it.
    """
    with mock.patch.object(keras.ops, "slice_update", _slice_update):
        yield


def _slice_update(
    inputs: tf.Tensor, start_indices: Sequence[tf.Tensor | int], updates: tf.Tensor
) -> tf.Tensor:
    updates = tf.cast(updates, inputs.dtype)
    start = tf.stack([tf.cast(index, tf.int32) for index in start_indices])
    room = tf.shape(inputs) - start - tf.shape(updates)
    paddings = tf.stack([start, room], axis=1)
    inside = tf.pad(tf.ones_like(updates, tf.bool), paddings)
    return tf.where(inside, tf.pad(updates, paddings), inputs)
