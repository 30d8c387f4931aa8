"""The exported functions from which a server generates, and an evaluation asks, step by step.

They are functions of the SavedModel, not signatures: a stock server passes over them, and
the embedded one calls them with neither Keras nor this package at hand. Their names and
order of use are in `serving.contract`. The cache goes from call to call as a tensor that
is written in place; see `models.decoding`.
"""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from models import generation, sampling
from models.decoding.decoder import ROOM_TILE, Decoder
from models.tokenizer import GraphTokenizer


class StepwiseFunctions(tf.Module):
    """``loaded.stepwise`` of a loaded SavedModel."""

    def __init__(self, decoder: Decoder, tokenizer: GraphTokenizer, prepare: Any) -> None:
        """``prepare`` is ``ServedLanguageModel.prepare`` as a function of the graph."""
        super().__init__(name="stepwise")
        self._decoder = decoder
        self._tokenizer = tokenizer
        self._vocabulary = tokenizer.vocabulary
        unused = decoder.vocabulary_size - tokenizer.vocabulary.size
        token_bytes = tf.constant([*tokenizer.vocabulary.token_bytes, *[b""] * unused])
        constants = {
            "context_length": tf.constant(decoder.context_length),
            "vocabulary_size": tf.constant(decoder.vocabulary_size),
            "end_id": tf.constant(tokenizer.vocabulary.end_id),
            "room_multiple": tf.constant(ROOM_TILE),
            "num_alternatives": tf.constant(generation.NUM_ALTERNATIVES),
        }
        scalar, vector, matrix = (tf.TensorSpec(shape, tf.int32) for shape in ([], [None], [None, None]))
        floats, float_rows = tf.TensorSpec([None], tf.float32), tf.TensorSpec([None, None], tf.float32)
        # Traced once more for nothing but the shape of a cache.
        empty = tf.function(decoder.empty_cache, autograph=False).get_concrete_function(scalar, scalar)
        cache = tf.TensorSpec(empty.structured_outputs.shape, tf.float32)

        self.prepare = prepare
        self.description = _function(lambda: constants)
        self.token_bytes = _function(lambda: tf.identity(token_bytes))
        self.noise = _function(sampling.uniforms, vector, scalar)
        self.empty_cache = _function(decoder.empty_cache, scalar, scalar)
        self.inserted = _function(decoder.inserted, cache, cache, scalar)
        self.resized = _function(decoder.resized, cache, vector, scalar)
        self.read = _function(self._read, matrix, cache, vector, vector)
        self.decode = _function(
            self._decode,
            *(cache, vector, vector, vector, float_rows),
            *(floats, vector, floats, scalar, tf.TensorSpec([], tf.bool)),
        )
        self.likelihoods = _function(self._likelihoods, vector)
        self.encode = _function(self._encode, tf.TensorSpec([None], tf.string))
        self.weigh = _function(self._weigh, matrix, cache, vector, vector)

    def _read(
        self, token_ids: tf.Tensor, cache: tf.Tensor, positions: tf.Tensor, counts: tf.Tensor
    ) -> tf.Tensor:
        return self._decoder.read(token_ids, cache, positions, counts)[1]

    def _decode(
        self,
        cache: tf.Tensor,
        token_ids: tf.Tensor,
        positions: tf.Tensor,
        limits: tf.Tensor,
        uniform: tf.Tensor,
        temperature: tf.Tensor,
        top_k: tf.Tensor,
        top_p: tf.Tensor,
        num_steps: tf.Tensor,
        with_likelihoods: tf.Tensor,
    ) -> dict[str, tf.Tensor]:
        options = sampling.SamplingOptions(temperature, top_k, top_p, seed=tf.zeros_like(top_k))
        decoded = generation.decode(
            self._decoder,
            self._vocabulary,
            *(cache, token_ids, positions, limits, uniform, options, num_steps, with_likelihoods),
        )
        return decoded._asdict()

    def _likelihoods(self, token_ids: tf.Tensor) -> dict[str, tf.Tensor]:
        """For the tokens of one sequence but the first, given those before."""
        logits = self._decoder.sequence_logits(token_ids[tf.newaxis, :-1])[0]
        logits += generation.never_generated(self._vocabulary, self._decoder.vocabulary_size)
        values, alternatives = generation.likelihoods_of(logits, token_ids[1:])
        return {
            "log_probabilities": values[:, 0],
            "alternatives": alternatives,
            "alternative_log_probabilities": values[:, 1:],
        }

    def _encode(self, texts: tf.Tensor) -> dict[str, tf.Tensor]:
        token_ids, lengths = self._tokenizer.encode(texts)
        return {"token_ids": token_ids, "lengths": lengths}

    def _weigh(
        self, token_ids: tf.Tensor, cache: tf.Tensor, positions: tf.Tensor, counts: tf.Tensor
    ) -> dict[str, tf.Tensor]:
        """For each row's tokens but the first, given those before and what is in the cache."""
        hidden, _ = self._decoder.read(token_ids[:, :-1], cache, positions, counts)
        logits = self._decoder.logits(tf.reshape(hidden, [-1, hidden.shape[-1]]))
        logits += generation.never_generated(self._vocabulary, self._decoder.vocabulary_size)
        shape = tf.shape(hidden)[:2]
        targets = tf.reshape(token_ids[:, 1:], [-1])
        nll = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=targets, logits=logits)
        likeliest = tf.argmax(logits, axis=-1, output_type=tf.int32)
        return {
            "log_probabilities": tf.reshape(-nll, shape),
            "likeliest": tf.reshape(likeliest, shape),
        }


def _function(method: Any, *signature: tf.TensorSpec) -> Any:
    return tf.function(method, input_signature=list(signature), autograph=False)
