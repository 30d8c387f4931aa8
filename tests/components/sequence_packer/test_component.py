from __future__ import annotations

import gzip
import itertools
import logging
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tfx.components.util import examples_utils
from tfx.proto import example_gen_pb2
from tfx.types import artifact_utils, standard_artifacts

from components import progress
from components.artifacts import TOKENIZER_MODEL, Tokenizer
from components.config import CorpusConfig, PackingConfig, SourceConfig, TokenizerConfig
from components.errors import CorpusError
from components.mixture import Mixture, MixtureConfig
from components.sequence_packer import component, keyed_rows, packing, placed_documents, transforms
from components.sequence_packer.counts import PACKING_REPORT, PackingReport
from models.features import PAD_ID
from models.tokenizing.sentence_pieces import SentencePieceModel
from pipeline import beam_options
from pipeline.beam_options import BeamConfig

Pack = Callable[..., standard_artifacts.Examples]
FeaturesOf = Callable[[standard_artifacts.Examples, str], list[dict[str, list[Any]]]]
RecordsOf = Callable[[standard_artifacts.Examples, str], list[bytes]]
SPLITS = ("train", "eval", "test")
SETTINGS = PackingConfig(sequence_length=16, num_shards=3)
WORKERS = beam_options.local(BeamConfig(num_workers=3))


@pytest.fixture(scope="module")
def examples(
    tmp_path_factory: pytest.TempPathFactory, generate: Callable[[CorpusConfig], standard_artifacts.Examples]
) -> standard_artifacts.Examples:
    folder = tmp_path_factory.mktemp("corpus")
    for name in ("a.txt", "b.txt", "c.txt", "d.csv"):
        lines = [f"{name[0]} {number:03} über the sea and the land\n" for number in range(60)]
        (folder / name).write_text("text\n" * name.endswith("csv") + "".join(lines))
    sources = (
        SourceConfig(name="prose", pattern="*.txt", documents="lines"),
        SourceConfig(name="table", pattern="*.csv", format="csv"),
    )
    return generate(CorpusConfig(path=str(folder), sources=sources, eval_percent=20, test_percent=20))


@pytest.fixture(scope="module")
def tokenizer(examples: standard_artifacts.Examples, train_tokenizer: Callable[..., Tokenizer]) -> Tokenizer:
    return train_tokenizer(examples, TokenizerConfig(vocabulary_size=300))


@pytest.fixture(scope="module")
def packed(
    examples: standard_artifacts.Examples, tokenizer: Tokenizer, pack: Pack
) -> standard_artifacts.Examples:
    return pack(examples, tokenizer, SETTINGS)


def model_of(tokenizer: Tokenizer) -> SentencePieceModel:
    return SentencePieceModel((Path(tokenizer.uri) / TOKENIZER_MODEL).read_bytes())


def contents(examples: standard_artifacts.Examples) -> dict[str, bytes]:
    root = Path(examples.uri)
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def test_tokens_and_bytes_are_conserved(
    examples: standard_artifacts.Examples,
    tokenizer: Tokenizer,
    packed: standard_artifacts.Examples,
    features_of: FeaturesOf,
) -> None:
    model = model_of(tokenizer)
    for split in SPLITS:
        documents, rows = features_of(examples, split), features_of(packed, split)
        texts = [document["text"][0].decode() for document in documents]
        num_targets = sum(len(row["token_ids"]) - 1 - row["token_ids"].count(PAD_ID) for row in rows)
        assert num_targets == sum(len(model.encode(text)) + 1 for text in texts)
        assert sum(row["num_bytes"][0] for row in rows) == sum(len(text.encode()) for text in texts)


def test_a_row_holds_one_source(
    packed: standard_artifacts.Examples, tokenizer: Tokenizer, features_of: FeaturesOf
) -> None:
    model = model_of(tokenizer)
    letters = {b"prose": "abc", b"table": "d"}
    for row in features_of(packed, "train"):
        starts = re.findall(r"([a-d]) \d", model.decode(row["token_ids"]))
        assert set(starts) <= set(letters[row["source"][0]])


def test_a_held_out_row_holds_one_language_and_one_length_and_a_training_row_any(
    tmp_path: Path,
    generate: Callable[[CorpusConfig], standard_artifacts.Examples],
    tokenizer: Tokenizer,
    pack: Pack,
    features_of: FeaturesOf,
) -> None:
    lines = []
    for number in range(80):
        lines += [
            f"a {number:03} the sea is calm this evening and the land is far",
            f"b {number:03} la mer est calme ce soir et la terre est loin",
            f"c {number:03} " + "the wind was in the old tower, and nobody had seen the captain; " * 3,
        ]
    (tmp_path / "a.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    sources = (SourceConfig(name="prose", pattern="*.txt", documents="lines"),)
    corpus = CorpusConfig(path=str(tmp_path), sources=sources, eval_percent=20, test_percent=20)
    documents = generate(corpus)
    settings = PackingConfig(sequence_length=200, num_shards=1, length_buckets=(100,))
    packed, model = pack(documents, tokenizer, settings), model_of(tokenizer)

    for split in ("eval", "test"):
        kinds = {
            document["text"][0][:5]: (
                document["language"][0],
                b"<100" if document["text"][0][:1] != b"c" else b">=100",
            )
            for document in features_of(documents, split)
        }
        found = set()
        for row in features_of(packed, split):
            there = re.findall(r"[abc] \d{3}", model.decode(row["token_ids"]))
            assert {kinds[name.encode()] for name in there} <= {(row["language"][0], row["length"][0])}
            found |= {name.encode() for name in there}
        assert found == set(kinds)
        assert len(set(kinds.values())) >= 3
    rows = features_of(packed, "train")
    assert {(row["language"][0], row["length"][0]) for row in rows} == {(b"", b"")}
    assert any(len(set(re.findall(r"([abc]) \d", model.decode(row["token_ids"])))) == 3 for row in rows)


def test_documents_of_a_file_follow_each_other_in_file_order(
    examples: standard_artifacts.Examples, tokenizer: Tokenizer, pack: Pack, features_of: FeaturesOf
) -> None:
    long_rows = PackingConfig(sequence_length=20_000, num_shards=1)

    rows = features_of(pack(examples, tokenizer, long_rows), "train")

    [row] = [row for row in rows if row["source"] == [b"prose"]]
    documents = model_of(tokenizer).decode(row["token_ids"]).split(" über the sea and the land")[:-1]
    assert len(documents) > 50
    assert documents == sorted(documents)


def test_another_run_and_other_workers_give_the_same_bytes(
    examples: standard_artifacts.Examples,
    tokenizer: Tokenizer,
    pack: Pack,
    packed: standard_artifacts.Examples,
) -> None:

    again = pack(examples, tokenizer, SETTINGS)
    by_three = pack(examples, tokenizer, SETTINGS, WORKERS)

    assert contents(again) == contents(packed)
    assert contents(by_three) == contents(packed)


def test_workers_of_few_documents_are_threads() -> None:
    options = list(beam_options.local(BeamConfig(num_workers=2)))
    assert options[-2:] == ["--direct_running_mode=multi_processing", "--direct_num_workers=2"]

    few, many = (component.workers(options, num_bytes) for num_bytes in (100_000_000, 100_000_001))

    assert few == [*options[:-2], "--direct_running_mode=multi_threading", "--direct_num_workers=2"]
    assert many == options


def test_the_bytes_of_files_are_summed(tmp_path: Path) -> None:
    files = [transforms.DocumentFile("train", str(tmp_path / name)) for name in "ab"]
    for size, file in enumerate(files, 3):
        Path(file.path).write_bytes(bytes(size))
    assert transforms.num_bytes(files) == 7


def test_the_files_are_named_like_those_of_an_example_gen(packed: standard_artifacts.Examples) -> None:
    names = {f"data_tfrecord-0000{shard}-of-00003.gz" for shard in range(3)}
    expected = {f"Split-{split}/{name}" for split in SPLITS for name in names} | {PACKING_REPORT}
    assert set(contents(packed)) == expected
    assert artifact_utils.decode_split_names(packed.split_names) == list(SPLITS)
    assert examples_utils.get_payload_format(packed) == example_gen_pb2.FORMAT_TF_EXAMPLE


def test_rows_of_all_sources_are_mixed(
    examples: standard_artifacts.Examples, tokenizer: Tokenizer, pack: Pack, features_of: FeaturesOf
) -> None:
    rows = features_of(pack(examples, tokenizer, PackingConfig(sequence_length=8, num_shards=1)), "train")

    sources = [row["source"][0] for row in rows]
    changes = sum(before != after for before, after in itertools.pairwise(sources))
    assert changes > len(sources) / 10


def test_the_report_counts_what_the_rows_hold(
    examples: standard_artifacts.Examples,
    tokenizer: Tokenizer,
    pack: Pack,
    features_of: FeaturesOf,
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.INFO, progress.LOGGER_NAME):
        packed = pack(examples, tokenizer, SETTINGS)

    report = PackingReport.model_validate_json((Path(packed.uri) / PACKING_REPORT).read_bytes())
    rows = [row for row in features_of(packed, "train") if row["source"] == [b"prose"]]
    counts = report.splits["train"]["prose"]
    assert counts.rows == len(rows)
    assert counts.num_bytes == sum(row["num_bytes"][0] for row in rows)
    assert counts.tokens == sum(16 - row["token_ids"].count(PAD_ID) for row in rows)
    assert (report.packing, report.vocabulary_size) == (SETTINGS, 300)
    assert caplog.records[-1].getMessage() == report.summary()


def test_a_worker_that_holds_little_at_a_time_gives_the_same_bytes(
    examples: standard_artifacts.Examples,
    tokenizer: Tokenizer,
    pack: Pack,
    packed: standard_artifacts.Examples,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(transforms, "_DOCUMENTS_COST", 500)
    monkeypatch.setattr(transforms, "_ROWS_BYTES", 1000)
    monkeypatch.setattr(packing, "_TOKENS_AT_A_TIME", 40)
    monkeypatch.setattr(placed_documents, "BLOCK_BYTES", 200)
    monkeypatch.setattr(keyed_rows, "BLOCK_BYTES", 200)

    assert contents(pack(examples, tokenizer, SETTINGS)) == contents(packed)


def test_a_mixture_takes_the_train_splits_rows_as_often_as_it_says(
    examples: standard_artifacts.Examples,
    tokenizer: Tokenizer,
    packed: standard_artifacts.Examples,
    pack: Pack,
    records_of: RecordsOf,
) -> None:
    mixture = Mixture(config=MixtureConfig(), weights={"prose": 0.5, "table": 2.0})

    mixed = pack(examples, tokenizer, SETTINGS, mixture=mixture)

    report = PackingReport.model_validate_json((Path(mixed.uri) / PACKING_REPORT).read_bytes())
    once, taken = (records_of(rows, "train") for rows in (packed, mixed))
    tables = sorted(row for row in once if b"table" in row)
    assert sorted(row for row in taken if b"table" in row) == sorted(tables * 2)
    prose = [row for row in taken if b"prose" in row]
    assert len(prose) == len(set(prose))
    assert set(prose) < {row for row in once if b"prose" in row}
    assert len(prose) == pytest.approx((len(once) - len(tables)) / 2, abs=3)
    share, counts = report.shares["table"], report.splits["train"]["table"]
    assert (share.epochs, share.rows, share.tokens) == (2.0, 2 * len(tables), 2 * counts.available_tokens)
    assert sum(share.realised for share in report.shares.values()) == pytest.approx(1)
    assert f"table {share.realised:.1%} (2.00 epochs)" in report.summary()
    for split in ("eval", "test"):
        of_split = {name: data for name, data in contents(mixed).items() if f"Split-{split}" in name}
        assert of_split == {name: data for name, data in contents(packed).items() if name in of_split}


def test_a_mixture_is_the_same_bytes_for_other_workers(
    examples: standard_artifacts.Examples, tokenizer: Tokenizer, pack: Pack
) -> None:
    mixture = Mixture(config=MixtureConfig(rule="shares"), weights={"prose": 1.0, "table": 1.0})

    one = pack(examples, tokenizer, SETTINGS, mixture=mixture)
    other = pack(examples, tokenizer, SETTINGS, WORKERS, mixture)

    assert contents(one) == contents(other)
    report = PackingReport.model_validate_json((Path(one.uri) / PACKING_REPORT).read_bytes())
    assert report.shares["table"].realised == pytest.approx(0.5, abs=0.02)


def test_weights_of_one_change_nothing(
    examples: standard_artifacts.Examples,
    tokenizer: Tokenizer,
    pack: Pack,
    packed: standard_artifacts.Examples,
) -> None:
    plain = Mixture(config=MixtureConfig(), weights={"prose": 1.0, "table": 1.0})
    assert contents(pack(examples, tokenizer, SETTINGS, mixture=plain)) == contents(packed)


def test_an_empty_split_is_an_error(
    examples: standard_artifacts.Examples, tokenizer: Tokenizer, pack: Pack, tmp_path: Path
) -> None:
    incomplete = standard_artifacts.Examples()
    incomplete.uri, incomplete.split_names = str(tmp_path / "documents"), examples.split_names
    shutil.copytree(examples.uri, incomplete.uri)
    for path in (tmp_path / "documents" / "Split-eval").iterdir():
        path.write_bytes(gzip.compress(b""))

    with pytest.raises(CorpusError, match=r"no document to pack in the split eval: .* too few documents"):
        pack(incomplete, tokenizer, SETTINGS)
