from __future__ import annotations

import gzip
import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tfx.components.example_gen import utils as example_gen_utils
from tfx.types import standard_artifacts

from components import errors, progress
from components.config import CorpusConfig, SourceConfig
from components.corpus_gen import files, placed
from components.corpus_gen.component import CorpusDriver, CorpusGen
from components.corpus_gen.counts import CorpusCounts
from components.corpus_gen.rejections import Rejected
from components.corpus_gen.settings import CorpusGenSettings
from pipeline import beam_options
from pipeline.beam_options import BeamConfig

Generate = Callable[..., standard_artifacts.Examples]
FeaturesOf = Callable[[standard_artifacts.Examples, str], list[dict[str, list[Any]]]]
SPLITS = ("train", "eval", "test")


@pytest.fixture
def corpus(tmp_path: Path) -> CorpusConfig:
    """For a test that changes its files, or its settings."""
    return make_corpus(tmp_path / "corpus")


@pytest.fixture(scope="module")
def examples(tmp_path_factory: pytest.TempPathFactory, generate: Generate) -> standard_artifacts.Examples:
    """What comes of the corpus as it is."""
    return generate(make_corpus(tmp_path_factory.mktemp("plain") / "corpus"))


def make_corpus(folder: Path) -> CorpusConfig:
    folder.mkdir()
    (folder / "poems.txt").write_bytes(b"".join(b"Verse %d\r\n" % number for number in range(150)))
    records = [json.dumps({"body": f"News {number}\n"}) for number in range(50)]
    (folder / "news.jsonl").write_text("\n".join([*records, json.dumps({"body": ""})]))
    return CorpusConfig(
        path=str(folder),
        sources=(
            SourceConfig(name="poems", pattern="*.txt", documents="lines"),
            SourceConfig(name="news", pattern="*.jsonl", format="jsonl", text_column="body"),
        ),
        eval_percent=20,
        test_percent=20,
    )


def texts(examples: standard_artifacts.Examples, features_of: FeaturesOf) -> dict[str, set[bytes]]:
    return {split: {row["text"][0] for row in features_of(examples, split)} for split in SPLITS}


def test_every_document_is_in_exactly_one_split(
    examples: standard_artifacts.Examples, features_of: FeaturesOf
) -> None:
    found = [row["text"][0] for split in SPLITS for row in features_of(examples, split)]
    expected = [b"Verse %d" % number for number in range(150)] + [b"News %d\n" % n for n in range(50)]
    assert sorted(found) == sorted(expected)


def test_a_document_says_where_it_came_from(
    examples: standard_artifacts.Examples, features_of: FeaturesOf
) -> None:
    rows = [row for split in SPLITS for row in features_of(examples, split)]
    [row] = [row for row in rows if row["text"] == [b"Verse 41"]]
    assert (row["source"], row["document_id"]) == ([b"poems"], [b"poems.txt#42"])


def test_the_split_of_a_text_depends_on_nothing_but_the_text(
    corpus: CorpusConfig,
    examples: standard_artifacts.Examples,
    generate: Generate,
    features_of: FeaturesOf,
    tmp_path: Path,
) -> None:
    before = texts(examples, features_of)
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    lines = [b"Verse %d" % number for number in range(150)]
    (folder / "again.txt").write_bytes(b"\n".join(reversed(lines * 2)))
    source = SourceConfig(name="verses", pattern="*", documents="lines")

    after = texts(
        generate(corpus.model_copy(update={"path": str(folder), "sources": (source,)})), features_of
    )

    assert {split: found & set(lines) for split, found in before.items()} == after


def test_changing_the_share_of_eval_leaves_test_alone(
    corpus: CorpusConfig,
    examples: standard_artifacts.Examples,
    generate: Generate,
    features_of: FeaturesOf,
) -> None:
    before = texts(examples, features_of)

    after = texts(generate(corpus.model_copy(update={"eval_percent": 10})), features_of)

    assert after["test"] == before["test"]
    assert after["eval"] < before["eval"]


def test_empty_documents_are_counted_in_the_result(
    corpus: CorpusConfig, generate: Generate, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, progress.LOGGER_NAME):
        generate(corpus)

    assert caplog.records[-1].getMessage().endswith("; 1 dropped: 1 empty")


def test_what_was_read_is_what_was_kept_and_what_was_dropped(
    examples: standard_artifacts.Examples,
    rejected_of: Callable[..., list[Rejected]],
    counts_of: Callable[..., CorpusCounts],
) -> None:
    counts = counts_of(examples)
    assert rejected_of(examples) == [Rejected("empty", "news", "news.jsonl#51", "has no text")]
    assert {
        name: (source.read, source.documents, source.dropped) for name, source in counts.sources.items()
    } == {
        "news": (51, 50, {"empty": 1}),
        "poems": (150, 150, {}),
    }
    verses, news = (f"Verse {number}" for number in range(150)), (f"News {number}\n" for number in range(50))
    assert sum(counts.kept(split).num_bytes for split in SPLITS) == sum(map(len, [*verses, *news]))


def test_without_tolerance_a_bad_record_stops_the_stage_with_its_own_message(
    corpus: CorpusConfig, generate: Generate
) -> None:
    (Path(corpus.path) / "latin.txt").write_bytes(b"caf\xe9\n")

    with pytest.raises(Exception, match="is not UTF-8") as caught:
        generate(corpus.model_copy(update={"max_bad_fraction": 0.0}))

    assert str(errors.root_cause(caught.value)) == (
        f"{corpus.path}/latin.txt: byte 0xe9 at offset 3 (line 1) is not UTF-8; "
        "convert the file to UTF-8, for example with iconv"
    )


def test_malformed_records_go_to_the_dead_letters_and_the_rest_is_kept(
    corpus: CorpusConfig,
    generate: Generate,
    rejected_of: Callable[..., list[Rejected]],
    counts_of: Callable[..., CorpusCounts],
) -> None:
    folder = Path(corpus.path)
    (folder / "latin.txt").write_bytes(b"caf\xe9\nau lait\n")
    (folder / "cut.txt").write_bytes(gzip.compress(b"".join(b"word %d\n" % n for n in range(5)))[:-1])
    (folder / "gone.txt").symlink_to("nowhere")
    (folder / "loop.txt").symlink_to("loop.txt")
    (folder / "around").symlink_to(folder)

    examples = generate(corpus.model_copy(update={"max_bad_fraction": 0.1}))

    counts = counts_of(examples).sources["poems"]
    found = {rejected.document_id: rejected.reason for rejected in rejected_of(examples)}
    assert found == {
        "cut.txt#6": "malformed:compression",
        "gone.txt#1": "malformed:unreadable",
        "latin.txt#1": "malformed:utf8",
        "loop.txt#1": "malformed:unreadable",
        "news.jsonl#51": "empty",
    }
    assert (counts.read, counts.documents) == (150 + 5 + 1 + 4, 150 + 5 + 1)


def test_the_files_are_the_same_bytes_for_two_worker_processes(
    corpus: CorpusConfig, generate: Generate, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In several parts, with documents and dead letters of every kind."""
    monkeypatch.setattr(placed, "num_parts", lambda num_bytes: 3)
    passage = " ".join(f"word{number}" for number in range(200))
    changed = [passage.replace(f"word{number} ", "another ") for number in (3, 70)]
    others = [f"{number} and so on\n" * 2 for number in range(12)]
    for number, text in enumerate([passage, passage, *changed, *others, "Verse 3", ""]):
        (Path(corpus.path) / f"{number:02d}.txt").write_text(text)
    (Path(corpus.path) / "latin.txt").write_bytes(b"caf\xe9\n")
    corpus = corpus.model_copy(update={"max_bad_fraction": 0.1})

    found = []
    for workers in (1, 2):
        examples = generate(corpus, beam_options.local(BeamConfig(num_workers=workers)))
        folder = Path(examples.uri).parent
        found.append({str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*.*z*")})
        found[-1].update({"report": (folder / "rejected" / "corpus.json").read_bytes()})

    one, two = ({name: content for name, content in each.items() if "/files/" not in name} for each in found)
    assert one == two
    assert sum(name.startswith("documents/Split-train/") for name in one) > 1
    counts = CorpusCounts.model_validate_json(one["report"])
    assert {"empty", "malformed:utf8", "duplicate:exact", "duplicate:near"} <= set(counts.dropped())


def test_too_many_malformed_records_stop_the_run_with_the_counts(
    corpus: CorpusConfig, generate: Generate
) -> None:
    (Path(corpus.path) / "news.jsonl").write_text('{"body": "a"}\n{"body": \n{}\n')

    with pytest.raises(errors.CorpusError) as caught:
        generate(corpus)

    assert str(caught.value) == (
        f"corpus {corpus.path}, source 'news': 2 of 3 records are malformed (1 fields, 1 json), 66.67%, and "
        "corpus.max_bad_fraction allows 1.00%: correct the data or the source's settings, or raise it. For "
        "example, news.jsonl#3: line 3 has no column 'body', only: none; set text_column to what is there; "
        "news.jsonl#2: line 2, column 10 is not JSON (Expecting value); a jsonl source has one JSON object "
        "per line"
    )


def test_a_file_that_vanishes_while_the_stage_runs_is_a_dead_letter(
    corpus: CorpusConfig,
    generate: Generate,
    rejected_of: Callable[..., list[Rejected]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    folder = Path(corpus.path)
    (folder / "brief.txt").write_text("here and gone")
    list_files = files.list_files

    def listed_then_removed(config: CorpusConfig) -> list[files.CorpusFile]:
        found = list_files(config)
        (folder / "brief.txt").unlink(missing_ok=True)
        return found

    monkeypatch.setattr(files, "list_files", listed_then_removed)

    [_, brief] = rejected_of(generate(corpus))

    assert (brief.document_id, brief.reason) == ("brief.txt#1", "malformed:unreadable")
    assert "cannot be opened" in brief.detail


def test_the_span_is_recorded_and_part_of_the_cache_key(
    corpus: CorpusConfig, exec_properties: Callable[..., dict[str, Any]]
) -> None:
    folder = Path(corpus.path)
    (folder / "day-3").mkdir()
    (folder / "day-3" / "a.txt").write_text("a")
    source = corpus.sources[0].model_copy(update={"pattern": "day-{SPAN}/*.txt"})
    settings = CorpusGenSettings(corpus=corpus.model_copy(update={"sources": (source,)}))

    resolved = CorpusDriver(None).resolve_exec_properties(exec_properties(CorpusGen(settings)), None, None)

    assert resolved["span"] == 3
    assert (
        CorpusGenSettings.model_validate_json(resolved["settings"]).corpus.sources[0].pattern == "day-3/*.txt"
    )


def test_too_few_documents_are_an_error(corpus: CorpusConfig, generate: Generate) -> None:
    source = corpus.sources[0].model_copy(update={"documents": "file"})

    with pytest.raises(errors.CorpusError, match="its 1 documents leave the split"):
        generate(corpus.model_copy(update={"sources": (source,)}))


def test_a_change_in_any_source_changes_the_cache_key(
    corpus: CorpusConfig, exec_properties: Callable[..., dict[str, Any]]
) -> None:
    def key() -> str:
        properties = exec_properties(CorpusGen(CorpusGenSettings(corpus=corpus)))
        resolved = CorpusDriver(None).resolve_exec_properties(properties, None, None)
        return str(resolved[example_gen_utils.FINGERPRINT_PROPERTY_NAME])

    before = key()
    assert key() == before

    with (Path(corpus.path) / "news.jsonl").open("a") as file:
        file.write("\n")

    assert key() != before
