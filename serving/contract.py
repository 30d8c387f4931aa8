"""The signatures of a Lexmill SavedModel: what goes in, what comes out.

Declared once, as plain data: the exporter builds its signatures from it, the
server's validation and the clients read it, and the tests check that the three
agree. Every tensor is a vector over the batch, ``(batch,)``. The sampling inputs
may also have length one, and then hold for the whole batch; each has a default
in ``SignatureDef.defaults``, so a request may leave it out.
"""

from __future__ import annotations

import dataclasses

GENERATE = "generate"
"""Continues prompts. Also exported as ``serving_default``."""
SERVING_DEFAULT = "serving_default"
SCORE = "score"
"""Log-probability of whole texts."""
EVALUATE = "evaluate"
"""Serialized packed rows to sums of negative log-likelihood, for TFMA."""

FINISH_STOP = "stop"
"""The model ended the document."""
FINISH_LENGTH = "length"
"""``max_new_tokens`` were generated."""
FINISH_CONTEXT = "context"
"""The model's context is full."""


@dataclasses.dataclass(frozen=True)
class TensorField:
    """One named tensor of a signature, of shape ``(batch,)``."""

    name: str
    dtype: str
    """A TensorFlow dtype name: ``string``, ``int32``, ``float32``."""
    meaning: str
    default: int | float | None = None
    """Used when a request leaves the input out; None: the input is required."""


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
        TensorField("nll", "float32", "sum of negative log-likelihood over the row, in nats"),
        TensorField("num_tokens", "float32", "tokens predicted in the row"),
        TensorField("num_bytes", "float32", "bytes of original text those tokens stand for"),
    ),
)

SIGNATURES = {
    SERVING_DEFAULT: GENERATE_SIGNATURE,
    GENERATE: GENERATE_SIGNATURE,
    SCORE: SCORE_SIGNATURE,
    EVALUATE: EVALUATE_SIGNATURE,
}
