"""Bits per byte of the test split: the pushed model's, and those of file compressors.

    python tests/benchmarks/against_bzip2.py [CONFIG]

A compressor is given the training text first: it is charged for what the test text adds to the
compressed size of both. bzip2 sees 900 kB at a time, so little of the training text helps
it; xz, with a dictionary of 64 MB, sees all of it.
"""

from __future__ import annotations

import bz2
import lzma
import sys
from collections.abc import Callable
from pathlib import Path

from tfx.types import artifact_utils, standard_artifacts
from tfx.utils import io_utils

from components import documents
from pipeline import history
from pipeline.config import load


def main(config_name: str) -> None:
    """Prints one line a method."""
    import tensorflow as tf

    config = load(config_name)
    folder = max(Path(config.root, "artifacts", "CorpusGen", "examples").iterdir(), key=lambda p: int(p.name))
    examples = standard_artifacts.Examples()
    examples.uri, examples.split_names = str(folder), '["train", "eval", "test"]'

    def text(split: str) -> bytes:
        pattern = io_utils.all_files_pattern(artifact_utils.get_split_uri([examples], split))
        records = tf.data.TFRecordDataset(tf.io.gfile.glob(pattern), "GZIP").as_numpy_iterator()
        found = sorted(
            (documents.decode(r) for r in records), key=lambda d: documents.split_id(d.document_id)
        )
        return "".join(document.text for document in found).encode()

    train, test = text("train"), text("test")
    print(f"test split: {len(test):,} bytes; training text: {len(train):,} bytes")
    compressors: dict[str, Callable[[bytes], bytes]] = {
        "bzip2 -9": lambda data: bz2.compress(data, 9),
        "xz -9e": lambda data: lzma.compress(data, preset=9 | lzma.PRESET_EXTREME),
    }
    for name, compress in compressors.items():
        after = 8 * (len(compress(train + test)) - len(compress(train))) / len(test)
        alone = 8 * len(compress(test)) / len(test)
        print(f"{name:10} {after:.3f} after the training text, {alone:.3f} alone")
    run = history.runs(config)[0]
    if run.evaluation is not None:
        print(f"{'Lexmill':10} {run.evaluation.bits_per_byte:.3f}")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "shakespeare")
