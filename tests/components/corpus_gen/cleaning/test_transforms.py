"""Cleaning within CorpusGen, on text of two sources."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tfx.types import standard_artifacts

from components.config import CorpusConfig, SourceConfig
from components.corpus_gen.cleaning.settings import CleaningConfig, QualityConfig
from components.corpus_gen.counts import CorpusCounts
from components.corpus_gen.rejections import Rejected

Generate = Callable[..., standard_artifacts.Examples]
FeaturesOf = Callable[[standard_artifacts.Examples, str], list[dict[str, list[Any]]]]
RejectedOf = Callable[[standard_artifacts.Examples], list[Rejected]]
CountsOf = Callable[[standard_artifacts.Examples], CorpusCounts]
SPLITS = ("train", "eval", "test")
CHINESE = "话说天下大势，分久必合，合久必分。"


@pytest.fixture
def corpus(tmp_path: Path) -> CorpusConfig:
    (tmp_path / "web.txt").write_text(
        "".join(f"Write {number} letters to ada@lovelace.org today.\n" for number in range(80)) + CHINESE
    )
    pairs = [{"q": f"Who wrote to 8.8.8.{n}?  ", "a": f"It was Ada, number {n}."} for n in range(40)]
    pairs.append({"q": "And who wrote nothing?", "a": "\x00"})
    (tmp_path / "pairs.jsonl").write_text("\n".join(map(json.dumps, pairs)))
    return CorpusConfig(
        path=str(tmp_path),
        sources=(
            SourceConfig(name="web", pattern="*.txt", documents="lines"),
            SourceConfig(
                name="pairs", pattern="*.jsonl", format="jsonl", prompt_column="q", completion_column="a"
            ),
        ),
        eval_percent=20,
        test_percent=20,
    )


def test_cleaned_documents_and_their_reasons_are_all_that_was_read(
    corpus: CorpusConfig,
    generate: Generate,
    features_of: FeaturesOf,
    rejected_of: RejectedOf,
    counts_of: CountsOf,
) -> None:
    cleaning = CleaningConfig(
        mask=("email", "ip"), control_characters=True, trailing_spaces=True, languages=("en",)
    )

    examples = generate(corpus, cleaning=cleaning)

    rows = [row for split in SPLITS for row in features_of(examples, split)]
    texts = {row["document_id"][0]: row for row in rows}
    letter, pair = texts[b"web.txt#8"], texts[b"pairs.jsonl#8"]
    assert (letter["text"], letter["num_masked"]) == ([b"Write 7 letters to <EMAIL> today."], [1])
    assert (pair["text"], pair["num_masked"]) == ([b"Who wrote to <IP>?It was Ada, number 7."], [1])
    assert pair["num_prompt_bytes"] == [len(b"Who wrote to <IP>?")]
    assert [(each.reason, each.document_id, each.text) for each in rejected_of(examples)] == [
        ("cleaning:empty", "pairs.jsonl#41", "And who wrote nothing?\x00"),
        ("language:not_allowed", "web.txt#81", CHINESE),
    ]
    web, pairs = (counts_of(examples).sources[name] for name in ("web", "pairs"))
    assert (web.read, web.masked, web.changed) == (81, {"email": 80}, {"mask": 80})
    assert (pairs.read, pairs.masked) == (41, {"ip": 40})
    assert pairs.changed == {"control_characters": 1, "trailing_spaces": 40, "mask": 40}


def test_quality_rules_reject_with_their_numbers_and_let_prompts_be(
    corpus: CorpusConfig, generate: Generate, rejected_of: RejectedOf
) -> None:
    with (Path(corpus.path) / "web.txt").open("a") as file:
        file.write("\nThis page needs a {curly} bracket to work. Does it? It does!")
    # One sentence a line is enough here, so that only the last line is against a rule.
    quality = QualityConfig.model_validate({"rules": ["c4"], "c4": {"min_sentences": 1}})

    rejected = rejected_of(generate(corpus, quality=quality))

    assert [(each.reason, each.document_id, each.detail) for each in rejected] == [
        ("quality:c4_curly_bracket", "web.txt#82", "a curly bracket at character 18")
    ]


def test_every_document_says_what_was_measured_of_it(
    corpus: CorpusConfig, generate: Generate, features_of: FeaturesOf
) -> None:
    examples = generate(corpus)

    rows = [row for split in SPLITS for row in features_of(examples, split)]
    [chinese] = [row for row in rows if row["text"] == [CHINESE.encode()]]
    assert chinese["language"] == [b"zh"]
    assert chinese["symbol_ratio"] == pytest.approx([3 / 17])
    assert {row["language"][0] for row in rows if row["source"] == [b"web"]} == {b"en", b"zh"}
