"""The texts of a corpus's test split, for tasks that are made of them."""

from __future__ import annotations

import tensorflow as tf
from tfx.dsl.io import fileio

from components import documents

_MAX_DOCUMENTS = 10_000
"""More than tasks ask for, and a bound on memory."""


def read(split_uri: str) -> list[str]:
    """Texts of documents, from the files of a split as CorpusGen writes it, in their order."""
    paths = sorted(fileio.glob(f"{split_uri}/*"))
    records = tf.data.TFRecordDataset(paths, "GZIP").take(_MAX_DOCUMENTS).as_numpy_iterator()
    return [documents.decode(record).text for record in records]
