"""Continuing token sequences over a cache, in one graph, by a ``tf.while_loop``.

`decode` makes up to a number of steps for rows that each stand at their own position; a
server calls it again and again, with other rows each time. `generate` is prompts in,
continuations out: one read of the prompts but their last token, which `decode` starts
from. Both choose a row's j-th token by the j-th number of that row's own stream, so they
agree, whatever the batch.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import tensorflow as tf

from models import sampling
from models.decoding import writes
from models.decoding.decoder import Decoder, whole_room, whole_tiles
from models.tokenizing.vocabulary import Vocabulary

NUM_ALTERNATIVES = 20
"""Likeliest tokens reported at each step when log-probabilities are asked for."""


class Decoded(NamedTuple):
    """What `decode` returns; what lies past a row's count means nothing."""

    cache: tf.Tensor
    token_ids: tf.Tensor
    """int32 ``(batch, steps)``; the end token, where there is one, included."""
    num_tokens: tf.Tensor
    """int32 ``(batch,)``, without the end token."""
    stopped: tf.Tensor
    """bool ``(batch,)``: the model ended the document."""
    log_probabilities: tf.Tensor
    """float32 ``(batch, steps)``: of the chosen tokens, in nats, whatever the temperature."""
    alternatives: tf.Tensor
    """int32 ``(batch, steps, NUM_ALTERNATIVES)``: the likeliest tokens, likeliest first."""
    alternative_log_probabilities: tf.Tensor
    """float32 of the same shape. This and the two above are zeros unless asked for."""


class Generated(NamedTuple):
    """What `generate` returns."""

    token_ids: tf.Tensor
    """Generated ids, int32 ``(batch, length)``, filled up with the padding id; the end token not
    included."""
    num_tokens: tf.Tensor
    """int32 ``(batch,)``."""
    stopped: tf.Tensor
    """bool ``(batch,)``: the model ended the document."""


class _Loop(NamedTuple):
    step: tf.Tensor
    token_ids: tf.Tensor
    positions: tf.Tensor
    num_tokens: tf.Tensor
    active: tf.Tensor
    stopped: tf.Tensor
    cache: tf.Tensor
    chosen: tf.Tensor
    likelihoods: tf.Tensor
    alternatives: tf.Tensor


def generate(
    decoder: Decoder,
    vocabulary: Vocabulary,
    prompt_ids: tf.Tensor,
    prompt_lengths: tf.Tensor,
    max_new_tokens: tf.Tensor,
    options: sampling.SamplingOptions,
) -> Generated:
    """Continues each prompt until the model ends the document, ``max_new_tokens``, or a full context.

    Args:
      decoder: the language model.
      vocabulary: which tokens end a text, and which are none of a text's.
      prompt_ids: int32 ``(batch, width)``; what lies past a row's length is ignored.
      prompt_lengths: int32 ``(batch,)``, from 1 to the model's context length.
      max_new_tokens: int32 ``(batch,)``, at least 1.
      options: how to choose tokens.
    """
    batch = tf.shape(prompt_ids)[0]
    limits = tf.minimum(max_new_tokens, decoder.context_length + 1 - prompt_lengths)
    num_steps = tf.reduce_max(limits)
    # All but the last token of each prompt; for the shortest prompts one that leaves no trace.
    width = tf.maximum(tf.reduce_max(prompt_lengths) - 1, 1)
    cache = decoder.empty_cache(batch, whole_room(tf.reduce_max(prompt_lengths + limits) - 1))
    start = tf.zeros([batch], tf.int32)
    _, cache = decoder.read(prompt_ids[:, :width], cache, start, prompt_lengths - 1)
    decoded = decode(
        decoder,
        vocabulary,
        cache,
        token_ids=tf.gather(prompt_ids, prompt_lengths - 1, batch_dims=1),
        positions=prompt_lengths - 1,
        limits=limits,
        uniform=sampling.uniforms(options.seed, num_steps),
        options=options,
        num_steps=num_steps,
        with_likelihoods=tf.constant(False),
    )
    inside = tf.range(num_steps) < decoded.num_tokens[:, tf.newaxis]
    return Generated(
        tf.where(inside, decoded.token_ids, vocabulary.pad_id), decoded.num_tokens, decoded.stopped
    )


def decode(
    decoder: Decoder,
    vocabulary: Vocabulary,
    cache: tf.Tensor,
    token_ids: tf.Tensor,
    positions: tf.Tensor,
    limits: tf.Tensor,
    uniform: tf.Tensor,
    options: sampling.SamplingOptions,
    num_steps: tf.Tensor,
    with_likelihoods: tf.Tensor,
) -> Decoded:
    """Up to ``num_steps`` tokens a row; fewer when no row has any left to come.

    Args:
      decoder: the language model.
      vocabulary: which tokens end a text, and which are none of a text's.
      cache: of what precedes ``positions``; not to be used again.
      token_ids: int32 ``(batch,)``, each row's last token, not yet read.
      positions: int32 ``(batch,)``, where it stands.
      limits: int32 ``(batch,)``, how many tokens may follow; 0 for a row that is not in use.
      uniform: float32 ``(batch, steps)`` in [0, 1), the next numbers of each row's stream.
      options: how to choose tokens.
      num_steps: int32 scalar, at most ``steps``.
      with_likelihoods: bool scalar: whether log-probabilities are computed.
    """
    batch, width = tf.unstack(tf.shape(uniform))
    read = decoder.reader(cache, tf.constant(1))

    def record(record: tf.Tensor, step: tf.Tensor, values: tf.Tensor) -> tf.Tensor:
        return writes.written(record, step[tf.newaxis], values[tf.newaxis], decoder.in_place)

    def proceed(state: _Loop) -> tf.Tensor:
        return (state.step < num_steps) & tf.reduce_any(state.active)

    def step(state: _Loop) -> tuple[_Loop]:
        counts = tf.ones_like(state.positions)
        hidden, cache = read(state.token_ids[:, tf.newaxis], state.cache, state.positions, counts)
        logits = decoder.logits(hidden[:, 0]) + never_generated(vocabulary, decoder.vocabulary_size)
        chosen = sampling.choose(logits, uniform[:, state.step], options)
        likelihoods, alternatives = tf.cond(
            with_likelihoods, lambda: likelihoods_of(logits, chosen), lambda: _no_likelihoods(batch)
        )
        stopped = state.stopped | (state.active & (chosen == vocabulary.end_id))
        emitted = state.active & ~stopped
        num_tokens = state.num_tokens + tf.cast(emitted, tf.int32)
        return (
            _Loop(
                step=state.step + 1,
                token_ids=chosen,
                # A row that has ended stays where it is, within the cache.
                positions=state.positions + tf.cast(emitted, tf.int32),
                num_tokens=num_tokens,
                active=emitted & (num_tokens < limits),
                stopped=stopped,
                cache=cache,
                chosen=record(state.chosen, state.step, chosen),
                likelihoods=record(state.likelihoods, state.step, likelihoods),
                alternatives=record(state.alternatives, state.step, alternatives),
            ),
        )

    start = _Loop(
        step=tf.constant(0),
        token_ids=token_ids,
        positions=positions,
        num_tokens=tf.zeros([batch], tf.int32),
        active=limits > 0,
        stopped=tf.zeros([batch], tf.bool),
        cache=cache,
        chosen=writes.empty([width, batch], tf.int32, decoder.in_place),
        likelihoods=writes.empty([width, batch, NUM_ALTERNATIVES + 1], tf.float32, decoder.in_place),
        alternatives=writes.empty([width, batch, NUM_ALTERNATIVES], tf.int32, decoder.in_place),
    )
    shapes = _Loop(*(tf.TensorShape([None] * tensor.shape.rank) for tensor in start))
    shapes = shapes._replace(
        cache=cache.shape,
        likelihoods=tf.TensorShape([None, None, NUM_ALTERNATIVES + 1]),
        alternatives=tf.TensorShape([None, None, NUM_ALTERNATIVES]),
    )
    (end,) = tf.while_loop(proceed, step, (start,), shape_invariants=(shapes,), parallel_iterations=1)
    return Decoded(
        cache=end.cache,
        token_ids=tf.transpose(end.chosen),
        num_tokens=end.num_tokens,
        stopped=end.stopped,
        log_probabilities=tf.transpose(end.likelihoods[:, :, 0]),
        alternatives=tf.transpose(end.alternatives, [1, 0, 2]),
        alternative_log_probabilities=tf.transpose(end.likelihoods[:, :, 1:], [1, 0, 2]),
    )


def likelihoods_of(logits: tf.Tensor, chosen: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """For ``(rows, vocabulary)`` logits: log-probabilities of the chosen tokens and then of the likeliest,
    float32 ``(rows, 1 + NUM_ALTERNATIVES)``, and the likeliest tokens, int32 ``(rows, NUM_ALTERNATIVES)``."""
    own = tf.gather(logits, chosen, batch_dims=1)[:, tf.newaxis]
    top, tokens = tf.math.top_k(logits, NUM_ALTERNATIVES)
    # A sum over a single row would be divided between threads, and come out otherwise in its last bit.
    total = tf.reduce_logsumexp(whole_tiles(logits), axis=-1, keepdims=True)[: tf.shape(logits)[0]]
    return tf.concat([own, top], axis=1) - total, tokens


def _no_likelihoods(batch: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    return tf.zeros([batch, NUM_ALTERNATIVES + 1]), tf.zeros([batch, NUM_ALTERNATIVES], tf.int32)


def never_generated(vocabulary: Vocabulary, num_logits: int) -> tf.Tensor:
    """Minus infinity, added to the logits, for tokens that stand for no text, and for those past the
    vocabulary: some models have more logits than their tokenizer has tokens."""
    mask = np.zeros(num_logits, np.float32)
    mask[vocabulary.never_generated] = -np.inf
    mask[vocabulary.size :] = -np.inf
    return tf.constant(mask)
