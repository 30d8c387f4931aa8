"""The laws of duplicate removal, on Beam's local runner."""

import pickle
import random
from pathlib import Path

import apache_beam as beam
import pytest
from apache_beam.options.pipeline_options import PipelineOptions

from components.corpus_gen import decisions
from components.corpus_gen.duplicates.settings import DuplicatesConfig
from components.corpus_gen.duplicates.transforms import FindDuplicates
from components.corpus_gen.file_names import FileNames
from components.corpus_gen.staging import StageDocuments, Staging
from components.corpus_gen.transforms import meet
from components.documents import Document, split_id

SHARES = {"train": 80, "eval": 20}
RANKS = {"first": 0, "second": 1}
SETTINGS = DuplicatesConfig(near_min_shingles=20)


def prose(seed, num_words=120):
    source = random.Random(seed)
    return " ".join(source.choice("abcdefgh") * 2 + str(source.randrange(500)) for _ in range(num_words))


def changed(text, seed):
    """With one word in a hundred another one."""
    words = text.split()
    for place in random.Random(seed).sample(range(len(words)), max(1, len(words) // 100)):
        words[place] = "CHANGED"
    return " ".join(words)


def document(document_id, text, source="first"):
    return Document(text, source, f"{document_id}#1")


@pytest.fixture
def sift(tmp_path: Path):
    """Documents to those kept, by id, and to the decisions to leave the others out, by id."""

    def run(found, settings=SETTINGS, arguments=()):
        folder = tmp_path / str(len(list(tmp_path.iterdir())))
        folder.mkdir()
        names = FileNames.write(str(folder / "names"), {split_id(one.document_id)[0] for one in found})
        staging = Staging(str(folder), 3, names)
        with beam.Pipeline(options=PipelineOptions(["--runner=FnApiRunner", *arguments])) as pipeline:
            staged = (
                pipeline
                | beam.Create(found)
                | beam.Reshuffle()
                | StageDocuments(staging, SHARES, settings, RANKS)
            )
            dropped = FindDuplicates(settings, staging, tuple(SHARES)).of(staged)
            _ = (
                meet("All", staged.documents, dropped)
                | beam.Values()
                | beam.FlatMap(lambda runs: decisions.decided(runs["documents"], runs["decisions"]))
                | beam.Map(lambda pair: pickle.dumps(pair).hex())
                | beam.io.WriteToText(str(folder / "decided"), num_shards=1)
            )
        lines = next(folder.glob("decided*")).read_text().split()
        pairs = [pickle.loads(bytes.fromhex(line)) for line in lines]
        assert len(pairs) == len(found)
        by_id = {one.document_id.split("#")[0]: (one, decision) for one, decision in pairs}
        kept = {name: one for name, (one, decision) in by_id.items() if decision is None}
        return kept, {name: decision for name, (_, decision) in by_id.items() if decision is not None}

    return run


def test_of_equal_texts_one_is_kept_by_source_then_place(sift):
    text = "A line."
    found = [document("d", text, "second"), document("c", text), document("b", text), document("e", "Else.")]
    kept, rejected = sift(found)
    assert set(kept) == {"b", "e"}
    assert {(one.reason, one.detail) for one in rejected.values()} == {
        ("duplicate:exact", "the same text as b#1")
    }
    assert set(rejected) == {"c", "d"}


def test_of_nearly_equal_texts_the_longest_is_kept(sift):
    text = prose(1)
    found = [document("a", changed(text, 2)), document("b", text + " and more"), document("c", prose(3))]
    kept, rejected = sift(found)
    assert set(kept) == {"b", "c"}
    assert rejected["a"].reason == "duplicate:near"
    assert rejected["a"].detail.startswith("estimated similarity 0.9")
    assert rejected["a"].detail.endswith(" to b#1, which is kept")


def test_an_earlier_source_goes_before_a_longer_text(sift):
    text = prose(1)
    kept, _ = sift([document("a", text + " and more", "second"), document("b", text)])
    assert set(kept) == {"b"}


def test_a_chain_is_one_cluster_and_the_link_is_named(sift):
    words = prose(4, 200).split()
    steps = [" ".join(words[start : start + 120]) for start in (0, 8, 16, 24, 32)]
    found = [document(f"{number}", text) for number, text in enumerate(steps)]
    kept, rejected = sift(found)
    assert set(kept) == {"0"}
    assert set(rejected) == {"1", "2", "3", "4"}
    assert rejected["4"].detail.endswith("of whose group 0#1 is kept")


def test_texts_below_the_threshold_are_all_kept(sift):
    base = prose(5, 60)
    found = [document(str(number), f"{base} {prose(number + 10, 60)}") for number in range(12)]
    kept, _ = sift(found)
    assert len(kept) == 12


def test_short_documents_are_compared_to_the_byte_only(sift):
    kept, rejected = sift([document("a", "What is 2 + 2?"), document("b", "What is 2 + 2 ?")])
    assert set(kept) == {"a", "b"}
    assert not rejected


def test_chinese_near_duplicates_are_found(sift):
    source = random.Random(6)
    text = "".join(chr(source.randrange(0x4E00, 0x6000)) for _ in range(300))
    kept, _ = sift([document("a", text), document("b", text.replace(text[150], "，", 1))])
    assert len(kept) == 1


@pytest.mark.parametrize(("exact", "near", "num_kept"), [(True, False, 2), (False, True, 1), (True, True, 1)])
def test_each_half_can_be_had_alone(sift, exact, near, num_kept):
    text = prose(7)
    found = [document("a", text), document("b", text), document("c", changed(text, 1))]
    settings = SETTINGS.model_copy(update={"exact": exact, "near": near})
    kept, _ = sift(found, settings)
    assert len(kept) == num_kept


def test_the_result_is_the_same_for_any_number_of_workers_and_order(sift):
    found = []
    for number in range(12):
        text = prose(number)
        copies = [text, text, changed(text, 1), changed(text, 2), changed(text, 3)]
        found += [document(f"{number}-{copy}", text) for copy, text in enumerate(copies)]
    outcomes = [sift(found)]
    for arguments in ([], ["--direct_num_workers=2", "--direct_running_mode=multi_threading"]):
        random.Random(8).shuffle(found)
        outcomes.append(sift(found, arguments=arguments))
    assert outcomes[0] == outcomes[1] == outcomes[2]
    assert len(outcomes[0][0]) == 12
