"""A SavedModel on packed rows: the sums of each row, and which slices it is in."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from components.documents import Document
from components.protos import Example
from components.sequence_packer import packing, tokenizing
from models.features import SLICES
from models.prediction_measures import SUMS
from models.tokenizing.reading import TextTokenizer
from pipeline.errors import MissingInputError
from serving import contract

_ROWS_AT_A_TIME = 64

RowSums = dict[str, np.ndarray]
"""`models.prediction_measures.SUMS`, ``(rows, ...)``."""


def load(path: str) -> Any:
    """A SavedModel, with its tokenizer's ops."""
    import tensorflow_text  # noqa: F401

    return tf.saved_model.load(path)


def measure(model: Any, records: Sequence[bytes], progress: Callable[[int, int], None]) -> RowSums:
    """Sums over each row's targets that count.

    Args:
      model: of `load`.
      records: serialized packed rows.
      progress: told how many of how many rows are done.
    """
    evaluate = model.signatures[contract.EVALUATE]
    parts: list[dict[str, np.ndarray]] = []
    for start in range(0, len(records), _ROWS_AT_A_TIME):
        outputs = evaluate(tf.constant(records[start : start + _ROWS_AT_A_TIME]))
        parts.append({name: outputs[name].numpy().astype(np.float64) for name in SUMS if name in outputs})
        progress(min(start + _ROWS_AT_A_TIME, len(records)), len(records))
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def slices(records: Sequence[bytes]) -> dict[str, np.ndarray]:
    """Slice, as ``source:plays`` -> which rows are in it, bool ``(rows,)``; by kind, then by name."""
    members: dict[str, list[int]] = {}
    for index, record in enumerate(records):
        features = Example.FromString(record).features.feature
        for kind in SLICES:
            for value in features[kind].bytes_list.value:
                members.setdefault(f"{kind}:{value.decode()}", []).append(index)
    order = sorted(members, key=lambda name: (SLICES.index(name.partition(":")[0]), name))
    return {name: np.isin(np.arange(len(records)), members[name]) for name in order}


def rows_of_text(text: str, name: str, tokenizer: TextTokenizer, sequence_length: int) -> list[bytes]:
    """One document, packed as the pipeline does.

    Raises:
      MissingInputError: the text is empty.
    """
    if not text:
        raise MissingInputError(f"{name}: empty: there is nothing to evaluate on")
    tokens = tokenizing.tokenize(Document(text, name, f"{name}#1"), tokenizer)
    packed = packing.pack_stream([tokens], tokenizer.vocabulary, sequence_length)
    return [record for rows in packed for record in rows.encode(name)]
