"""Two runs of the data stages on one corpus give the same splits, tokenizer and rows, byte for byte."""

from pathlib import Path

import pytest

from components.config import CorpusConfig, PackingConfig, SourceConfig, TokenizerConfig


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    folder = tmp_path_factory.mktemp("text")
    for number in range(3):
        lines = [f"line {line} of file {number}: {line * 7919 % 1009} grains of sand" for line in range(200)]
        (folder / f"{number}.txt").write_text("\n".join(lines))
    sources = tuple(
        SourceConfig(name=name, pattern=pattern, documents="lines")
        for name, pattern in (("first", "0.txt"), ("others", "*.txt"))
    )
    return CorpusConfig(path=str(folder), sources=sources, eval_percent=20, test_percent=20)


@pytest.fixture(scope="module")
def two_runs(corpus, generate, train_tokenizer, pack):
    def run():
        documents = generate(corpus)
        tokenizer = train_tokenizer(documents, TokenizerConfig(vocabulary_size=300), {"first": 3.0})
        return documents, tokenizer, pack(documents, tokenizer, PackingConfig(sequence_length=16))

    return run(), run()


@pytest.mark.parametrize("split", ["train", "eval", "test"])
def test_the_splits_hold_the_same_documents(two_runs, records_of, split):
    (first, _, _), (second, _, _) = two_runs
    assert sorted(records_of(first, split)) == sorted(records_of(second, split))
    assert records_of(first, split)


def test_the_tokenizers_are_the_same_bytes(two_runs):
    first, second = (Path(run[1].uri, "tokenizer.model").read_bytes() for run in two_runs)
    assert first == second


def test_the_rows_are_the_same_files(two_runs):
    def files(run):
        folder = Path(run[2].uri)
        return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}

    first, second = map(files, two_runs)
    assert first == second
    assert any(name.startswith("Split-train/") for name in first)
