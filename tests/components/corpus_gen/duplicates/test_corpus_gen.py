"""The laws of the whole stage: what no split has in common with another one, and what is counted."""

import itertools
import json
import random
from pathlib import Path

import pytest
from tfx.components.example_gen import utils as example_gen_utils

from components import errors
from components.config import CorpusConfig, SourceConfig
from components.corpus_gen import splitting
from components.corpus_gen.component import CorpusDriver, CorpusGen
from components.corpus_gen.duplicates import signatures
from components.corpus_gen.duplicates.settings import DecontaminationConfig, DuplicatesConfig
from components.corpus_gen.settings import CorpusGenSettings

SPLITS = ("train", "eval", "test")
DUPLICATES = DuplicatesConfig()
WITHOUT = DuplicatesConfig(exact=False, near=False)


def words(source, count):
    return [f"{source.choice('abcdefgh')}{source.randrange(300)}" for _ in range(count)]


@pytest.fixture(scope="module")
def texts():
    """Forty texts, each in five versions: one word of a hundred is another one, or a space."""
    source, found = random.Random(1), []
    for _ in range(40):
        text = words(source, 150)
        for _ in range(5):
            version = text.copy()
            version[source.randrange(150)] = source.choice(["another", ""])
            found.append(" ".join(version))
    return found


@pytest.fixture(scope="module")
def corpus(tmp_path_factory, texts):
    folder = tmp_path_factory.mktemp("near")
    (folder / "texts.txt").write_text("\n".join(texts))
    sources = (SourceConfig(name="all", pattern="*.txt", documents="lines"),)
    return CorpusConfig(path=str(folder), sources=sources, eval_percent=25, test_percent=25)


@pytest.fixture(scope="module")
def split_texts(generate, features_of):
    def run(corpus, **tables):
        examples = generate(corpus, **tables)
        found = {split: [row["text"][0].decode() for row in features_of(examples, split)] for split in SPLITS}
        return examples, found

    return run


def num_straddling(found):
    shingled = {
        split: [set(signatures.shingles(text, DUPLICATES).tolist()) for text in texts]
        for split, texts in found.items()
    }
    return sum(
        len(one & other) / len(one | other) >= DUPLICATES.near_threshold
        for first, second in itertools.combinations(SPLITS, 2)
        for one, other in itertools.product(shingled[first], shingled[second])
    )


def test_near_duplicates_never_straddle_splits(corpus, split_texts, counts_of):
    examples, found = split_texts(corpus)
    assert num_straddling(found) == 0
    assert sum(map(len, found.values())) == 40
    counts = counts_of(examples)
    assert (counts.read, counts.dropped()) == (200, {"duplicate:near": 159, "duplicate:exact": 1})


def test_without_the_removal_they_do(corpus, split_texts):
    _, found = split_texts(
        corpus, duplicates=WITHOUT, decontamination=DecontaminationConfig(held_out_words=0)
    )
    assert num_straddling(found) > 100


@pytest.fixture
def leaky(tmp_path):
    """Texts of which one of the train split holds sixty words of one of the test split."""
    source = random.Random(2)
    sources = (SourceConfig(name="all", pattern="*.txt", documents="lines"),)
    corpus = CorpusConfig(path=str(tmp_path), sources=sources, eval_percent=25, test_percent=25)
    shares = splitting.shares(corpus)
    found = [" ".join(words(source, 200)) for _ in range(40)]
    passage = next(text for text in found if splitting.index(text, shares) == 2).split()[20:80]
    leak = next(
        text
        for text in (" ".join(words(source, 100) + passage + words(source, 100)) for _ in itertools.count())
        if splitting.index(text, shares) == 0
    )
    (tmp_path / "texts.txt").write_text("\n".join([*found, leak]))
    return corpus, leak, passage


def test_a_training_document_with_a_passage_of_the_test_split_is_dropped(leaky, generate, rejected_of):
    corpus, _, passage = leaky
    [rejected] = rejected_of(generate(corpus))
    assert (rejected.reason, rejected.document_id) == ("contaminated", "texts.txt#41")
    assert rejected.detail == (
        f"shares 11 n-grams with held-out documents, the first: {' '.join(passage[:50])}"
    )


def test_a_passage_of_many_training_documents_is_no_leak(leaky, generate, rejected_of):
    corpus, _, passage = leaky
    source, shares = random.Random(3), splitting.shares(corpus)
    others = (" ".join(words(source, 150) + passage) for _ in itertools.count())
    others = (text for text in others if splitting.index(text, shares) == 0)
    with Path(corpus.path, "texts.txt").open("a") as file:
        file.writelines(f"\n{text}" for text in itertools.islice(others, 10))
    assert rejected_of(generate(corpus)) == []
    # With one more allowed to share it, it is a leak again, in all eleven.
    settings = DecontaminationConfig(max_documents=11)
    assert len(rejected_of(generate(corpus, decontamination=settings))) == 11


def test_a_training_document_with_a_task_is_dropped_wherever_it_lies(leaky, generate, rejected_of, tmp_path):
    corpus, leak, _ = leaky
    question = " ".join(leak.split()[5:25])
    tasks = tmp_path / "tasks"
    tasks.mkdir()
    (tasks / "quiz.jsonl").write_text(
        json.dumps({"id": 7, "question": question.upper() + "?", "answer": "x"})
    )
    settings = DecontaminationConfig(held_out_words=0, against=(f"{tasks}/*.jsonl",))
    [rejected] = rejected_of(generate(corpus, decontamination=settings))
    assert rejected.detail == (
        f"shares 8 n-grams with the evaluation tasks, the first: {' '.join(leak.split()[5:18])}"
    )


def test_a_change_in_a_task_file_changes_the_cache_key(leaky, exec_properties, tmp_path):
    corpus, _, _ = leaky
    tasks = tmp_path / "tasks.jsonl"
    tasks.write_text("{}")
    settings = CorpusGenSettings(corpus=corpus, decontamination=DecontaminationConfig(against=(str(tasks),)))

    def key():
        properties = exec_properties(CorpusGen(settings))
        resolved = CorpusDriver(None).resolve_exec_properties(properties, None, None)
        return resolved[example_gen_utils.FINGERPRINT_PROPERTY_NAME]

    before = key()
    assert key() == before
    tasks.write_text('{"question": "What?"}')
    assert key() != before


def test_a_pattern_of_tasks_that_matches_nothing_is_an_error(leaky, exec_properties, generate):
    corpus, _, _ = leaky
    settings = DecontaminationConfig(against=("/nowhere/*.jsonl",))
    with pytest.raises(errors.CorpusError, match=r"no file matches '/nowhere/\*\.jsonl'"):
        generate(corpus, decontamination=settings)
