"""Of the sample corpora, every 90th document of each source; the benchmark of that name reads them all."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import Any

import pytest

from components.config import TokenizerConfig
from components.tokenizer_trainer import training

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "tokenizer_agreement.py"


@pytest.fixture(scope="module")
def benchmark() -> Any:
    spec = importlib.util.spec_from_file_location(SCRIPT.stem, SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[SCRIPT.stem] = module
    spec.loader.exec_module(module)
    yield module
    del sys.modules[SCRIPT.stem]


@pytest.fixture(scope="module")
def documents(benchmark: Any, tmp_path_factory: pytest.TempPathFactory) -> list[Any]:
    corpus, _ = benchmark.sample("mixture", tmp_path_factory.mktemp("samples"))
    return list(benchmark.documents_of(corpus, every=90))


@pytest.mark.parametrize("algorithm", ["bpe", "unigram", "characters", "bytes"])
def test_the_graph_reads_real_text_as_the_packer_does_and_gives_it_back(
    benchmark: Any, documents: list[Any], algorithm: str
) -> None:
    config = {"algorithm": algorithm, "vocabulary_size": 4000, "special_tokens": benchmark.SPECIAL_TOKENS}
    texts = [document.text for document in documents]
    content = training.train(texts, TokenizerConfig.model_validate(config))

    found = benchmark.compare(documents, content)

    assert {document.source for document in documents} == {
        "shakespeare", "sanguo", "en-zh", "en-fr", "trivia", "python",
    }  # fmt: skip
    assert found.documents == len(documents) > 80
    assert found.tokens > 10_000
    assert (found.different, found.lost) == (0, 0)
