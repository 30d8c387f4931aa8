"""The SavedModel: text in, text out, with the tokenizer inside the graph.

Signatures and their fields are declared in `serving.contract`, and so are the functions
beside them from which a server can generate step by step (`models.stepwise`). Traced
without XLA, so that a stock TensorFlow Serving image, where XLA is off, runs what is
exported. What is saved is the network as a decoder: every signature runs on it, so what
is evaluated is what is served.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from models import generation, rows, scoring
from models.causal_lm import CausalLM
from models.decoding.decoder import Decoder
from models.decoding.keras_weights import frozen
from models.prediction_measures import BINNED, NLL, NUM_BINS, NUM_BYTES, SUMS
from models.sampling import SamplingOptions
from models.stepwise import StepwiseFunctions
from models.tokenizer import GraphTokenizer
from serving import contract

_SCORED_TOKENS_AT_A_TIME = 4096
_EVALUATED = tuple(name for name in SUMS if name != NUM_BYTES)


class ServedLanguageModel(tf.Module):
    """A language model and its tokenizer, with one method a signature."""

    def __init__(self, decoder: Decoder, tokenizer: GraphTokenizer) -> None:
        super().__init__(name="language_model")
        self.decoder = decoder
        self.tokenizer = tokenizer

    def generate(
        self,
        prompts: tf.Tensor,
        max_new_tokens: tf.Tensor,
        temperature: tf.Tensor,
        top_k: tf.Tensor,
        top_p: tf.Tensor,
        seed: tf.Tensor,
    ) -> dict[str, tf.Tensor]:
        """`contract.GENERATE_SIGNATURE`: every argument is ``(batch,)`` or, but the first, ``(1,)``."""
        given = self.prepare(prompts, max_new_tokens, temperature, top_k, top_p, seed)
        options = SamplingOptions(given["temperature"], given["top_k"], given["top_p"], given["seed"])
        max_new_tokens = given["max_new_tokens"]
        generated = generation.generate(
            self.decoder,
            self.tokenizer.vocabulary,
            given["token_ids"],
            given["lengths"],
            max_new_tokens,
            options,
        )
        is_full = generated.num_tokens >= max_new_tokens
        reason = tf.where(is_full, contract.FINISH_LENGTH, contract.FINISH_CONTEXT)
        return {
            "text": self.tokenizer.decode(generated.token_ids, generated.num_tokens),
            "num_tokens": generated.num_tokens,
            "finish_reason": tf.where(generated.stopped, contract.FINISH_STOP, reason),
        }

    def prepare(
        self,
        prompts: tf.Tensor,
        max_new_tokens: tf.Tensor,
        temperature: tf.Tensor,
        top_k: tf.Tensor,
        top_p: tf.Tensor,
        seed: tf.Tensor,
    ) -> dict[str, tf.Tensor]:
        """What `generate` starts from: its arguments, checked, ``(batch,)`` each, and the prompts as
        ``token_ids`` ``(batch, width)`` with their ``lengths``."""
        batch = tf.shape(prompts)
        context = self.decoder.context_length
        token_ids, lengths = self.tokenizer.encode(prompts)
        too_long = f"a prompt may have at most {context - 1} tokens: shorten it or send its end only"
        token_ids = _checked(token_ids, lengths <= context, too_long, lengths - 1)
        at_least_one = "max_new_tokens must be at least 1"
        max_new_tokens = _checked(max_new_tokens, max_new_tokens >= 1, at_least_one, max_new_tokens)
        finite = (temperature >= 0.0) & tf.math.is_finite(temperature)
        temperature = _checked(temperature, finite, "temperature must be 0 (greedy) or more", temperature)
        top_k = _checked(top_k, top_k >= 0, "top_k must be 0 (all tokens) or more", top_k)
        is_share = (top_p > 0.0) & (top_p <= 1.0)
        top_p = _checked(top_p, is_share, "top_p must be above 0 and at most 1", top_p)
        options = {
            "max_new_tokens": max_new_tokens,
            "temperature": temperature,
            "top_k": top_k,
            "top_p": top_p,
            "seed": seed,
        }
        vectors = {name: tf.broadcast_to(value, batch) for name, value in options.items()}
        return {"token_ids": token_ids, "lengths": lengths, **vectors}

    def score(self, texts: tf.Tensor) -> dict[str, tf.Tensor]:
        """`contract.SCORE_SIGNATURE`. A text longer than the context is scored in consecutive windows
        of ``context_length`` tokens, as the packer cuts training text."""
        token_ids, lengths = self.tokenizer.encode(texts)
        context, pad_id = self.decoder.context_length, self.tokenizer.vocabulary.pad_id
        missing = tf.math.floormod(1 - tf.shape(token_ids)[1], context)
        token_ids = tf.pad(token_ids, [[0, 0], [0, missing]], constant_values=pad_id)
        # A text of no tokens still needs one window.
        width = tf.maximum(context + 1 - tf.shape(token_ids)[1], 0)
        token_ids = tf.pad(token_ids, [[0, 0], [0, width]], constant_values=pad_id)
        weights = tf.sequence_mask(lengths, tf.shape(token_ids)[1], tf.float32)
        windows, weights = (
            tf.reshape(tf.signal.frame(values, context + 1, context), [-1, context + 1])
            for values in (token_ids, weights)
        )
        nll = self._by_row(_row_nll, (NLL,), windows, weights[:, 1:])[NLL]
        per_text = tf.reduce_sum(tf.reshape(nll, [tf.shape(texts)[0], -1]), axis=1)
        return {
            "log_probability": -per_text,
            "num_tokens": lengths - 1,
            "num_bytes": tf.strings.length(texts),
        }

    def evaluate(self, examples: tf.Tensor) -> dict[str, tf.Tensor]:
        """`contract.EVALUATE_SIGNATURE`: sums over the targets of each packed row that count."""
        batch = rows.parse(examples, self.decoder.context_length)
        sums = self._by_row(scoring.prediction_sums, _EVALUATED, batch.token_ids, batch.loss_mask)
        return {**sums, NUM_BYTES: tf.cast(batch.num_bytes, tf.float32)}

    def _by_row(
        self,
        measure: Callable[..., dict[str, tf.Tensor]],
        names: Sequence[str],
        token_ids: tf.Tensor,
        weights: tf.Tensor,
    ) -> dict[str, tf.Tensor]:
        """What ``measure`` gives for the logits of rows, their tokens and weights, under ``names``; for some
        rows at a time, as the logits of many would not fit in memory."""
        count = tf.shape(token_ids)[0]
        most = max(1, _SCORED_TOKENS_AT_A_TIME // self.decoder.context_length)
        at_a_time = tf.clip_by_value(count, 1, most)
        padding = tf.math.floormod(-count, at_a_time)
        chunks = tuple(
            tf.reshape(tf.pad(values, [[0, padding], [0, 0]]), [-1, at_a_time, values.shape[1]])
            for values in (token_ids, weights)
        )
        columns = {name: (NUM_BINS,) if name in BINNED else () for name in names}
        found = tf.map_fn(
            lambda chunk: measure(self.decoder.sequence_logits(chunk[0][:, :-1]), *chunk),
            chunks,
            parallel_iterations=1,
            fn_output_signature={name: tf.TensorSpec((None, *columns[name])) for name in names},
        )
        return {name: tf.reshape(found[name], (-1, *columns[name]))[:count] for name in names}


def _row_nll(logits: tf.Tensor, token_ids: tf.Tensor, weights: tf.Tensor) -> dict[str, tf.Tensor]:
    """The one sum that a score needs."""
    return {NLL: tf.reduce_sum(scoring.nll_of_logits(logits, token_ids, weights), axis=1)}


def export(model: CausalLM, tokenizer: GraphTokenizer, directory: str) -> None:
    """Writes a SavedModel with every signature and function of `serving.contract` to ``directory``."""
    module = ServedLanguageModel(frozen(model.decoder()), tokenizer)
    generate = _signature_function(_with_defaults(module), contract.GENERATE_SIGNATURE)
    signatures = {
        contract.SERVING_DEFAULT: generate,
        contract.GENERATE: generate,
        contract.SCORE: _signature_function(module.score, contract.SCORE_SIGNATURE),
        contract.EVALUATE: _signature_function(module.evaluate, contract.EVALUATE_SIGNATURE),
    }
    prepare = _signature_function(module.prepare, contract.GENERATE_SIGNATURE)
    module.stepwise = StepwiseFunctions(module.decoder, tokenizer, prepare)
    tf.saved_model.save(module, directory, signatures=signatures)


def _signature_function(method: Any, signature: contract.Signature) -> Any:
    specs = [tf.TensorSpec([None], field.dtype, name=field.name) for field in signature.inputs]
    return tf.function(method, input_signature=specs, autograph=False)


def _with_defaults(module: ServedLanguageModel) -> Any:
    """``module.generate`` with the contract's defaults as default arguments: TensorFlow writes
    those to ``SignatureDef.defaults``, from which a server fills in what a request leaves out."""
    default = {
        field.name: tf.constant([field.default], field.dtype)
        for field in contract.GENERATE_SIGNATURE.inputs
        if field.default is not None
    }

    def generate(
        prompts: tf.Tensor,
        max_new_tokens: tf.Tensor = default["max_new_tokens"],
        temperature: tf.Tensor = default["temperature"],
        top_k: tf.Tensor = default["top_k"],
        top_p: tf.Tensor = default["top_p"],
        seed: tf.Tensor = default["seed"],
    ) -> dict[str, tf.Tensor]:
        return module.generate(prompts, max_new_tokens, temperature, top_k, top_p, seed)

    return generate


def _checked(tensor: tf.Tensor, ok: tf.Tensor, rule: str, values: tf.Tensor) -> tf.Tensor:
    """``tensor``, which fails the request with one readable line when any of ``ok`` is false."""
    check = tf.debugging.Assert(tf.reduce_all(ok), [tf.strings.format(f"{rule}, got {{}}", values)])
    with tf.control_dependencies([check]):
        return tf.identity(tensor)


def default_inputs(prompts: list[str], **values: Any) -> dict[str, np.ndarray]:
    """The generate signature's inputs with the contract's defaults where ``values`` has none."""
    inputs: dict[str, np.ndarray] = {"prompts": np.array([prompt.encode() for prompt in prompts], object)}
    for field in contract.GENERATE_SIGNATURE.inputs[1:]:
        inputs[field.name] = np.array([values.get(field.name, field.default)], field.dtype)
    return inputs
