"""The signatures of a Lexmill SavedModel: what goes in, what comes out.

Declared once, as plain data: the exporter builds its signatures from it, the
server's validation and the clients read it, and the tests check that the three
agree. Every tensor is a vector over the batch, ``(batch,)``, but for what is summed by
bin. The sampling inputs may also have length one, and then hold for the whole batch;
each has a default in ``SignatureDef.defaults``, so a request may leave it out.
"""

from __future__ import annotations

import dataclasses

GENERATE = "generate"
"""Continues prompts. Also exported as ``serving_default``."""
SERVING_DEFAULT = "serving_default"
SCORE = "score"
"""Log-probability of whole texts."""
EVALUATE = "evaluate"
"""Serialized packed rows to sums over their targets, for TFMA."""
CALIBRATION_BINS = 15
"""Of confidence, equally wide, from 0 to 1."""

FINISH_STOP = "stop"
"""The model ended the document."""
FINISH_LENGTH = "length"
"""``max_new_tokens`` were generated."""
FINISH_CONTEXT = "context"
"""The model's context is full."""


@dataclasses.dataclass(frozen=True)
class TensorField:
    """One named tensor of a signature."""

    name: str
    dtype: str
    """A TensorFlow dtype name: ``string``, ``int32``, ``float32``."""
    meaning: str
    default: int | float | None = None
    """Used when a request leaves the input out; None: the input is required."""
    columns: int | None = None
    """None: of shape ``(batch,)``. Otherwise ``(batch, columns)``."""


@dataclasses.dataclass(frozen=True)
class Signature:
    """A signature's inputs and outputs, in order."""

    inputs: tuple[TensorField, ...]
    outputs: tuple[TensorField, ...]


GENERATE_SIGNATURE = Signature(
    inputs=(
        TensorField("prompts", "string", "UTF-8 text to continue; may be empty"),
        TensorField("max_new_tokens", "int32", "upper bound on generated tokens, at least 1", 64),
        TensorField("temperature", "float32", "softmax temperature; 0 is greedy", 0.8),
        TensorField("top_k", "int32", "sample among the k likeliest tokens; 0 is all", 0),
        TensorField("top_p", "float32", "sample within this probability mass, in (0, 1]", 1.0),
        TensorField("seed", "int32", "same seed, same text", 0),
    ),
    outputs=(
        TensorField("text", "string", "the continuation, without the prompt"),
        TensorField("num_tokens", "int32", "tokens generated"),
        TensorField("finish_reason", "string", "stop, length or context"),
    ),
)

SCORE_SIGNATURE = Signature(
    inputs=(TensorField("texts", "string", "UTF-8 text"),),
    outputs=(
        TensorField("log_probability", "float32", "sum over the text's tokens, in nats"),
        TensorField("num_tokens", "int32", "tokens scored"),
        TensorField("num_bytes", "int32", "UTF-8 bytes of the text"),
    ),
)

EVALUATE_SIGNATURE = Signature(
    inputs=(TensorField("examples", "string", "serialized tf.train.Example of a packed row"),),
    outputs=(
        TensorField(
            "nll", "float32", "negative log-likelihood in nats, summed over the row's targets that count"
        ),
        TensorField("num_tokens", "float32", "how many targets count"),
        TensorField("num_bytes", "float32", "bytes of original text that they stand for"),
        TensorField("num_correct", "float32", "how many of them the model finds likeliest"),
        TensorField("brier", "float32", "Brier score of the next token's distribution, summed over them"),
        TensorField("bin_tokens", "float32", "targets by bin of confidence", columns=CALIBRATION_BINS),
        TensorField("bin_confidence", "float32", "confidence, summed by bin", columns=CALIBRATION_BINS),
        TensorField(
            "bin_correct",
            "float32",
            "targets that the model finds likeliest, by bin",
            columns=CALIBRATION_BINS,
        ),
    ),
)

SIGNATURES = {
    SERVING_DEFAULT: GENERATE_SIGNATURE,
    GENERATE: GENERATE_SIGNATURE,
    SCORE: SCORE_SIGNATURE,
    EVALUATE: EVALUATE_SIGNATURE,
}

# Step by step. Functions beside the signatures, called on the loaded SavedModel as
# ``model.stepwise.<name>``, with which a server keeps a running batch:
#
#   description() -> int32 scalars: context_length, vocabulary_size, end_id, room_multiple,
#     num_alternatives
#   token_bytes() -> string (vocabulary,): UTF-8 bytes that each token stands for
#   prepare(the generate signature's inputs) -> token_ids (batch, width), lengths, max_new_tokens,
#     temperature, top_k, top_p, seed; fails as the signature does
#   noise(seed (n,), length) -> float32 (n, length): a row's stream of random numbers
#   empty_cache(rows, room) -> cache for sequences of up to ``room`` tokens
#   inserted(cache, cache of one row, row) -> cache, with that row replaced
#   resized(cache, rows (n,), room) -> a new cache of those rows
#   read(token_ids (rows, n), cache, positions (rows,), counts (rows,)) -> cache, once ``counts`` of
#     each row's tokens are read at its position and following
#   decode(cache, token_ids, positions, limits, uniform (rows, steps), temperature, top_k, top_p,
#     steps, with_likelihoods) -> cache, token_ids (rows, steps), num_tokens, stopped,
#     log_probabilities (rows, steps), alternatives and alternative_log_probabilities (rows, steps,
#     num_alternatives): each row's last token is read at its position, and up to ``limits`` follow
#   likelihoods(token_ids (n,)) -> the last three outputs of decode for the tokens but the first
#
# and with which an evaluation asks many questions:
#
#   encode(texts (n,)) -> token_ids (n, width), the token that starts a text first, and lengths (n,)
#   weigh(token_ids (rows, n), cache, positions (rows,), counts (rows,)) -> log_probabilities (rows, n - 1) in
#     nats, of each row's tokens but the first, which stands at its position, and likeliest (rows, n - 1), the
#     tokens that greedy decoding would choose; ``counts`` of a row's tokens but the last are its own
#
# A cache that was given to ``inserted``, ``read``, ``decode`` or ``weigh`` must not be used again. Rooms for
# ``decode`` are multiples of ``room_multiple``: then a row's tokens do not depend on the other rows.
# ``steps`` is at most the columns of ``uniform``.
#
# A small model also has ``model.stepwise.compilable.read`` and ``.decode``, which do the same and can be
# compiled by XLA for given shapes.

STEPWISE = "stepwise"
COMPILABLE = "compilable"
STEPWISE_FUNCTIONS = (
    "description",
    "token_bytes",
    "prepare",
    "noise",
    "empty_cache",
    "inserted",
    "resized",
    "read",
    "decode",
    "likelihoods",
)
"""What a server needs."""
EVALUATION_FUNCTIONS = ("encode", "weigh")
"""What an evaluation needs besides."""


def seed(value: int) -> int:
    """Any integer as the input ``seed`` takes it: an int32, wrapped around."""
    return (value + 2**31) % 2**32 - 2**31
