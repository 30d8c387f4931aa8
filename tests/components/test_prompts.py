"""Prompt-completion data and plain text in one corpus, from files to what a training step sees."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from components.artifacts import TOKENIZER_MODEL
from components.config import CorpusConfig, PackingConfig, SourceConfig, TokenizerConfig
from components.sequence_packer.counts import PACKING_REPORT, PackingReport
from models.features import END_ID
from models.tokenizing.sentence_pieces import SentencePieceModel

SPLITS = ("train", "eval", "test")
LENGTH = 32


def pairs_of(kind):
    """Prompts that end in their own separator, and completions, some longer than a row."""
    return [(f"{kind} {n} + {n % 7} =", f" {n + n % 7}, naïvely" * (1 + n % 4)) for n in range(60)]


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pairs")
    records = [{"question": prompt, "answer": completion} for prompt, completion in pairs_of("sum")]
    records += [{"question": "unanswered", "answer": ""}]
    (folder / "sums.jsonl").write_text("\n".join(map(json.dumps, records)))
    with (folder / "table.tsv").open("w", newline="") as file:
        csv.writer(file, delimiter="\t").writerows([("en", "fr"), *pairs_of("table")])
    (folder / "plain.txt").write_text("".join(f"Sentence {n} of plain text.\n" for n in range(60)))
    return CorpusConfig(
        path=str(folder),
        sources=(
            SourceConfig(
                name="sums",
                pattern="*.jsonl",
                format="jsonl",
                prompt_column="question",
                completion_column="answer",
            ),
            SourceConfig(
                name="table", pattern="*.tsv", format="tsv", prompt_column="en", completion_column="fr"
            ),
            SourceConfig(name="plain", pattern="*.txt", documents="lines"),
        ),
        eval_percent=20,
        test_percent=20,
    )


@pytest.fixture(scope="module")
def stages(corpus, generate, train_tokenizer, pack):
    documents = generate(corpus)
    tokenizer = train_tokenizer(documents, TokenizerConfig(vocabulary_size=320))
    packed = pack(documents, tokenizer, PackingConfig(sequence_length=LENGTH, num_shards=2))
    return documents, SentencePieceModel(Path(tokenizer.uri, TOKENIZER_MODEL).read_bytes()), packed


def expected_targets(features):
    """(prompt, completion) of each document, by source."""
    text, size = features["text"][0], features["num_prompt_bytes"][0]
    return text[:size].decode(), text[size:].decode()


def test_what_counts_is_every_completion_and_every_plain_text_and_nothing_else(stages, features_of):
    documents, model, packed = stages
    for source in (b"sums", b"table", b"plain"):
        counted, masked, prompts, completions = [], [], [], []
        for split in SPLITS:
            for row in features_of(packed, split):
                if row["source"] == [source]:
                    targets = list(zip(row["token_ids"][1:], row["loss_mask"][1:], strict=True))
                    counted += [token_id for token_id, counts in targets if counts]
                    masked += [token_id for token_id, counts in targets if not counts and token_id]
            for document in features_of(documents, split):
                if document["source"] == [source]:
                    prompt, completion = expected_targets(document)
                    prompts += model.encode(prompt).tolist()
                    completions += [*model.encode(completion).tolist(), END_ID]
        assert sorted(counted) == sorted(completions)
        assert sorted(masked) == sorted(prompts)
        assert bool(masked) == (source != b"plain")


def test_the_documents_are_the_pairs_and_the_lines(stages, features_of):
    documents, _, _ = stages
    found = [expected_targets(document) for split in SPLITS for document in features_of(documents, split)]

    lines = [("", f"Sentence {n} of plain text.") for n in range(60)]
    assert sorted(found) == sorted([*pairs_of("sum"), *pairs_of("table"), *lines])


def test_bytes_in_are_bytes_counted_and_bytes_masked(stages, features_of):
    documents, _, packed = stages
    report = PackingReport.model_validate_json(Path(packed.uri, PACKING_REPORT).read_bytes())
    for split in SPLITS:
        total = report.total(split)
        found = [expected_targets(document) for document in features_of(documents, split)]
        rows = features_of(packed, split)
        assert total.num_bytes == sum(len((prompt + completion).encode()) for prompt, completion in found)
        assert total.masked_bytes == sum(len(prompt.encode()) for prompt, _ in found)
        assert sum(row["num_bytes"][0] for row in rows) == total.num_bytes - total.masked_bytes
        assert sum(sum(row["loss_mask"]) for row in rows) == total.tokens - total.masked_tokens


def test_a_batch_has_the_mask_of_its_targets(stages, records_of, features_of):
    import tensorflow as tf

    from models import rows

    _, _, packed = stages
    batch = rows.parse(tf.constant(records_of(packed, "train")), LENGTH)

    assert batch.loss_mask.dtype == tf.float32
    assert batch.loss_mask.shape == (batch.token_ids.shape[0], LENGTH)
    expected = [row["loss_mask"][1:] for row in features_of(packed, "train")]
    assert batch.loss_mask.numpy().tolist() == expected
