"""What each tokenizer costs and gives: time to make it, MB/s of encoding, and bytes a token, on one sample.

    python tests/benchmarks/tokenizer_speed.py [SAMPLE]

Prints a Markdown table for the default sample, or another: CPU time over the sample's documents, as the
packer tokenizes them and in the graph all at once; best of three, but for making the tokenizer.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import tensorflow as tf
from tokenizer_agreement import ALGORITHMS, documents_of, sample

from components.documents import Document
from components.sequence_packer import tokenizing
from components.tokenizer_trainer import training
from models.tokenizer import GraphTokenizer
from models.tokenizing import reading

Result = TypeVar("Result")


def main(name: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        corpus, made = sample(name, Path(folder))
        documents = list(documents_of(corpus))
    texts = [document.text for document in documents]
    batch = tf.constant(texts)
    num_bytes = sum(len(text.encode()) for text in texts)
    print(f"{name}: {len(texts):,} documents, {num_bytes:,} bytes\n")
    print("| algorithm | pieces | made in, CPU s | encodes, MB/s | in the graph, MB/s | bytes a token |")
    print("|---|---|---|---|---|---|")
    for algorithm in ALGORITHMS:
        settings = made.model_copy(update={"algorithm": algorithm})
        training_s, content = _timed(lambda settings=settings: training.train(texts, settings))
        model, graph = reading.read(content), GraphTokenizer(content)
        num_tokens = sum(len(model.encode(text)) for text in texts)
        in_python = min(_timed(lambda content=content: _tokenized(documents, content))[0] for _ in range(3))
        in_graph = min(_timed(lambda graph=graph: graph.encode(batch))[0] for _ in range(3))
        speeds = (f"{num_bytes / 1e6 / seconds:.1f}" for seconds in (in_python, in_graph))
        figures = (f"{training_s:.1f}", *speeds, f"{num_bytes / num_tokens:.2f}")
        print(f"| `{algorithm}` | {model.vocabulary_size:,} | {' | '.join(figures)} |", flush=True)


def _tokenized(documents: list[Document], content: bytes) -> None:
    """By a tokenizer that has seen none of them, as a worker's."""
    for _ in tokenizing.tokenize_all(documents, reading.read(content)):
        pass


def _timed(work: Callable[[], Result]) -> tuple[float, Result]:
    started = time.process_time()
    result = work()
    return time.process_time() - started, result


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "shakespeare")
