"""The packed row: the one contract between the packer, the trainer and the evaluator.

A document of ``n`` tokens enters the packer as ``n + 1`` tokens, its own and one
end-of-document token; a source's documents follow each other as one stream that
starts with one end-of-document token. (A tokenizer with a start token of its own, as Llama's,
has that before each document instead, where it is context and never counts.) Rows are windows
of ``sequence_length + 1`` tokens that overlap by one, so each token of the stream but the first
is a target exactly once: ``token_ids[:-1]`` predicts ``token_ids[1:]``. The last row of a stream
is filled up with the padding id, which is never a target that counts. Which ids these are, the
tokenizer says: `models.tokenizing.vocabulary`.

Not every target counts: those of a prompt are only the context of what follows them.
`LOSS_MASK` says which do, for training and evaluation alike; whether a token counts is never
read off its id, so that a tokenizer may pad with the token that ends its documents.
"""

from __future__ import annotations

import dataclasses

PAD_ID = 0
UNK_ID = 1
END_ID = 2
"""Of the tokenizers that are made here; ends each document, and stands before the first: the context
of a text's first token."""
START_ID = 3
"""… stands before each document instead, where the tokenizer is to have a start token of its own."""
NUM_SPECIAL_TOKENS = 3
"""Those that every tokenizer has that is made here; a start token and those of the configuration follow."""

TOKEN_IDS = "token_ids"
SEGMENT_IDS = "segment_ids"
LOSS_MASK = "loss_mask"
NUM_BYTES = "num_bytes"
SOURCE = "source"


@dataclasses.dataclass(frozen=True)
class Feature:
    """One feature of a serialized ``tf.train.Example``."""

    name: str
    dtype: str
    """``int64``, ``float32`` or ``string``: the three kinds an Example holds."""
    per_token: bool
    """True: ``(sequence_length + 1,)``. False: a scalar."""
    meaning: str


PACKED_ROW = (
    Feature(TOKEN_IDS, "int64", True, "token ids"),
    Feature(
        SEGMENT_IDS,
        "int64",
        True,
        "1, 2, … by document within the row, an end token opening the next one's; 0 on padding",
    ),
    Feature(
        LOSS_MASK,
        "int64",
        True,
        "1 where the token is a target that counts; 0 on a row's first token, on prompts and on padding",
    ),
    Feature(NUM_BYTES, "int64", False, "bytes of original text that the targets that count stand for"),
    Feature(SOURCE, "string", False, "name of the source that the row's documents come from"),
)
