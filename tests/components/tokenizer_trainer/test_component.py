from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from tfx.types import standard_artifacts

from components.artifacts import TOKENIZER_MODEL, Tokenizer
from components.config import CorpusConfig, SourceConfig, TokenizerConfig
from components.errors import VocabularyError
from models.tokenizing.sentence_pieces import SentencePieceModel

WORDS = ("the", "cat", "dog", "sat", "ran", "mat", "and", "house")
GREEK = "αυγή βόρεια"


@pytest.fixture(scope="module")
def examples(
    tmp_path_factory: pytest.TempPathFactory, generate: Callable[[CorpusConfig], standard_artifacts.Examples]
) -> standard_artifacts.Examples:
    lines = [
        f"{WORDS[number % 8]} {WORDS[number // 8 % 8]} {WORDS[number // 64]} {number}"
        for number in range(512)
    ]
    folder = tmp_path_factory.mktemp("corpus")
    (folder / "a.txt").write_text("\n".join(lines))
    (folder / "b.txt").write_text("\n".join(f"{GREEK} {number}" for number in range(40)), encoding="utf-8")
    sources = [
        SourceConfig(name=name, pattern=pattern, documents="lines")
        for name, pattern in (("greek", "b.txt"), ("english", "a.txt"))
    ]
    return generate(CorpusConfig(path=str(folder), sources=tuple(sources)))


def test_the_artifact_holds_a_model_of_the_size_asked_for(
    examples: standard_artifacts.Examples, train_tokenizer: Callable[..., Tokenizer]
) -> None:
    tokenizer = train_tokenizer(examples, TokenizerConfig(vocabulary_size=320))

    model = SentencePieceModel((Path(tokenizer.uri) / TOKENIZER_MODEL).read_bytes())
    assert model.vocabulary_size == 320
    assert model.decode(model.encode("the cat\n")) == "the cat\n"


def test_only_the_train_split_counts(
    examples: standard_artifacts.Examples, train_tokenizer: Callable[..., Tokenizer], tmp_path: Path
) -> None:
    train_only = standard_artifacts.Examples()
    train_only.uri, train_only.split_names = str(tmp_path), examples.split_names
    shutil.copytree(Path(examples.uri) / "Split-train", tmp_path / "Split-train")

    models = [
        (Path(train_tokenizer(artifact, TokenizerConfig(vocabulary_size=320)).uri) / TOKENIZER_MODEL)
        for artifact in (examples, train_only)
    ]

    assert models[0].read_bytes() == models[1].read_bytes()


def test_a_vocabulary_that_the_text_cannot_fill_is_an_error(
    examples: standard_artifacts.Examples, train_tokenizer: Callable[..., Tokenizer]
) -> None:
    with pytest.raises(VocabularyError, match="set at most"):
        train_tokenizer(examples, TokenizerConfig(vocabulary_size=100_000))


def test_a_weight_decides_what_the_vocabulary_is_spent_on(
    examples: standard_artifacts.Examples, train_tokenizer: Callable[..., Tokenizer]
) -> None:
    settings = TokenizerConfig(vocabulary_size=310, character_coverage=1.0)

    def lengths(weights: dict[str, float]) -> list[int]:
        tokenizer = train_tokenizer(examples, settings, weights)
        model = SentencePieceModel((Path(tokenizer.uri) / TOKENIZER_MODEL).read_bytes())
        return [len(model.encode(text)) for text in ("the house sat", GREEK)]

    (english, greek), (english_beside_it, greek_first) = lengths({}), lengths({"greek": 1000.0})
    assert greek_first < greek
    assert english_beside_it > english


def test_a_tokenizer_of_bytes_needs_no_text(train_tokenizer: Callable[..., Tokenizer]) -> None:
    tokenizer = train_tokenizer(standard_artifacts.Examples(), TokenizerConfig(algorithm="bytes"))

    model = SentencePieceModel((Path(tokenizer.uri) / TOKENIZER_MODEL).read_bytes())
    assert model.vocabulary_size == 259
