"""Token embeddings for TensorBoard's projector: vectors, and the text of each token."""

from __future__ import annotations

from collections.abc import Sequence

import keras
import numpy as np
import tensorflow as tf

from models.causal_lm import CausalLM
from models.tokenizer import GraphTokenizer

CONFIG = "projector_config.pbtxt"
VECTORS = "token_embeddings.tsv"
METADATA = "tokens.tsv"


def write_tokens(directory: str, model: CausalLM, tokenizer: GraphTokenizer, count: int) -> None:
    """The embeddings of the first ``count`` tokens, or of all when they are fewer."""
    texts = tokenizer.pieces(count)
    if texts:
        table = model.backbone.token_embedding.embeddings
        write(directory, keras.ops.convert_to_numpy(table)[: len(texts)], texts)


def write(directory: str, vectors: np.ndarray, texts: Sequence[str]) -> None:
    """Writes three files that TensorBoard finds beside the event files.

    Args:
      vectors: float ``(tokens, width)``.
      texts: what each token stands for; whatever would break a line or a column is escaped.
    """
    if len(vectors) != len(texts):
        raise ValueError(f"{len(vectors)} vectors for {len(texts)} tokens")
    with tf.io.gfile.GFile(f"{directory}/{VECTORS}", "w") as file:
        for vector in vectors:
            file.write("\t".join(f"{value:.5g}" for value in vector) + "\n")
    with tf.io.gfile.GFile(f"{directory}/{METADATA}", "w") as file:
        file.write("token\tid\n")
        for token_id, text in enumerate(texts):
            file.write(f"{_visible(text)}\t{token_id}\n")
    # TensorBoard reads the rest when it finds this file, so it comes last.
    with tf.io.gfile.GFile(f"{directory}/{CONFIG}", "w") as file:
        file.write(
            "embeddings {\n"
            '  tensor_name: "token embeddings"\n'
            f'  tensor_path: "{VECTORS}"\n'
            f'  metadata_path: "{METADATA}"\n'
            "}\n"
        )


def _visible(text: str) -> str:
    """The text with control characters escaped, and a space at either end shown as one."""
    shown = "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)
    kept = shown.strip(" ")
    before = len(shown) - len(shown.lstrip(" "))
    after = len(shown) - len(kept) - before if kept else 0
    return "␣" * before + kept + "␣" * after or "(empty)"
