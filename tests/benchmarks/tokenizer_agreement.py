"""Whether the graph's tokens are the packer's, on every document of the sample corpora.

    python tests/benchmarks/tokenizer_agreement.py [SAMPLE ...]

Makes a tokenizer of each algorithm from each sample, once with special tokens, and reads every document
with it twice: as the packer does, in Python, and as a served model does, in TensorFlow. Prints a Markdown
table, and ends with status 1 if a document differs or does not come back from its tokens. All samples take
about ten minutes on one core; nothing is downloaded.
"""

from __future__ import annotations

import dataclasses
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import tensorflow as tf

from components.config import CorpusConfig, TokenizerConfig
from components.corpus_gen import files
from components.corpus_gen.reading import formats
from components.corpus_gen.reading.records import Passage
from components.documents import Document, make_id
from components.sequence_packer.tokenizing import tokenize_all
from components.tokenizer_trainer import training
from models.tokenizer import GraphTokenizer
from models.tokenizing import reading
from pipeline import samples
from pipeline.config import load

NAMES = ("shakespeare", "sanguo", "en-zh", "en-fr", "trivia", "python", "mixture")
ALGORITHMS = ("bpe", "unigram", "characters", "bytes")
SPECIAL_TOKENS = ("\n\n", "self.", "。", "the", "French: ")
"""Such as the samples are full of, and longer pieces would otherwise hold."""
_BATCH_BYTES = 200_000


@dataclasses.dataclass
class Agreement:
    """What came of reading documents twice."""

    documents: int = 0
    tokens: int = 0
    different: int = 0
    """Documents whose ids in the graph are others than the packer's."""
    lost: int = 0
    """Documents that their ids do not decode to, in Python or in the graph."""


def sample(name: str, folder: Path) -> tuple[CorpusConfig, TokenizerConfig]:
    """The sample's configuration, with its text in ``folder``."""
    config = load(name)
    samples.prepare(name, folder / name)
    return config.corpus.model_copy(update={"path": str(folder / name)}), config.tokenizer


def documents_of(corpus: CorpusConfig, every: int = 1) -> Iterator[Document]:
    """Each document, or one of ``every`` of each source, with its prompt marked."""
    counts = dict.fromkeys((source.name for source in corpus.sources), 0)
    for file in files.list_files(corpus):
        with Path(file.path).open("rb") as stream:
            for record in formats.read(stream, file.source, corpus.max_document_bytes):
                assert isinstance(record, Passage), record
                counts[file.source.name] += 1
                if record.text and counts[file.source.name] % every == 0:
                    place = make_id(file.relative_path, record.line)
                    yield Document(record.text, file.source.name, place, record.num_prompt_bytes)


def compare(documents: Sequence[Document], content: bytes) -> Agreement:
    """Reads the documents with the tokenizer whose file ``content`` is."""
    model, graph = reading.read(content), GraphTokenizer(content)
    strings = tf.TensorSpec([None], tf.string)
    encode = tf.function(graph.encode, input_signature=[strings], autograph=False)
    result = Agreement()
    for batch in _batches(documents):
        halves = [half.encode() for document in batch for half in document.split_prompt()]
        ids, lengths = encode(tf.constant(halves))
        texts = graph.decode(ids, lengths).numpy()
        found = [row[1:length] for row, length in zip(ids.numpy(), lengths.numpy(), strict=True)]
        for index, (document, tokens) in enumerate(tokenize_all(batch, model)):
            expected = tokens.token_ids.tolist()
            both = slice(2 * index, 2 * index + 2)
            result.documents += 1
            result.tokens += len(expected)
            result.different += expected != [token for half in found[both] for token in half.tolist()]
            decoded = (model.decode(expected), b"".join(texts[both]).decode())
            result.lost += decoded != (document.text, document.text)
    return result


def _batches(documents: Sequence[Document]) -> Iterator[list[Document]]:
    """Few long ones or many short ones: a batch's rows are as wide as its longest."""
    batch: list[Document] = []
    for document in sorted(documents, key=lambda document: len(document.text)):
        batch.append(document)
        if len(batch) * len(document.text) >= _BATCH_BYTES:
            yield batch
            batch = []
    if batch:
        yield batch


def main(names: Sequence[str]) -> int:
    total = Agreement()
    print("| sample | algorithm | special tokens | documents | tokens | other ids | text not given back |")
    print("|---|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        for name in names:
            corpus, made = sample(name, Path(folder))
            documents = list(documents_of(corpus))
            for algorithm in ALGORITHMS:
                for special in ((), SPECIAL_TOKENS):
                    changes = {"algorithm": algorithm, "special_tokens": special}
                    content = training.train(
                        [document.text for document in documents], made.model_copy(update=changes)
                    )
                    found = compare(documents, content)
                    _print(f"{name} | {algorithm} | {len(special)}", found)
                    for field in dataclasses.fields(Agreement):
                        setattr(total, field.name, getattr(total, field.name) + getattr(found, field.name))
    _print("all | | ", total)
    return 1 if total.different or total.lost else 0


def _print(what: str, found: Agreement) -> None:
    figures = (found.documents, found.tokens, found.different, found.lost)
    print(f"| {what} | {' | '.join(f'{figure:,}' for figure in figures)} |", flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:] or NAMES))
