"""From a pushed model back to the files, on records that the test makes."""

import hashlib
import io
import json
import shutil
from types import SimpleNamespace

import pytest
from rich.console import Console

from components import model_store
from pipeline.commands.lineage import show_lineage
from pipeline.errors import ConfigError, MissingInputError
from pipeline.lineage import facts, finding, graph, page, text

from .conftest import FIRST, SECOND, UUID, write_model


@pytest.fixture(scope="module")
def lineage(shared):
    return graph.trace(finding.find("tiny", None, shared.overrides))


def test_the_latest_version_one_by_its_number_and_a_folder_are_the_same_model(shared):
    for model in ("tiny", "tiny@4", str(shared.served), f"{shared.served}/"):
        found = finding.find(model, None, shared.overrides)
        assert (found.version, found.uuid, found.folder) == (4, UUID, str(shared.served))


def test_a_folder_that_was_moved_is_found_by_its_uuid(recorded, tmp_path):
    moved = shutil.move(recorded.served, tmp_path / "elsewhere")
    traced = graph.trace(finding.find(str(moved), None, recorded.overrides))
    assert (traced.folder, traced.pushed_to) == (str(moved), str(recorded.served))
    assert traced.version == 4
    assert finding.find(str(moved), "tiny", recorded.overrides).uuid == UUID


def test_a_model_without_a_uuid_is_found_where_it_was_pushed_to_and_nowhere_else(recorded, tmp_path):
    (recorded.served / model_store.MLMD_UUID).unlink()
    found = finding.find("tiny", None, recorded.overrides)
    assert (found.version, found.uuid) == (4, None)
    moved = shutil.move(recorded.served, tmp_path / "elsewhere")
    line = rf"^{moved}: there is no record of this model \(it has no UUID\) in {tmp_path}/build/tiny; it says"
    with pytest.raises(MissingInputError, match=line):
        finding.find(str(moved), None, recorded.overrides)


def test_when_the_metadata_is_gone_it_is_said_with_what_the_model_knows_of_itself(recorded, tmp_path):
    (tmp_path / "build/tiny/metadata.sqlite").unlink()
    line = (
        rf"^{recorded.served}: there is no record of this model \(UUID {UUID}\) in .*/metadata.sqlite; it "
        "says of itself: transformer of 929,280 parameters, weights eeeeeeeeeeee, tokenizer 777777777777: n"
    )
    with pytest.raises(MissingInputError, match=line):
        finding.find("tiny", None, recorded.overrides)
    with pytest.raises(MissingInputError, match="there is no record of this model"):
        finding.find(str(recorded.served), None, recorded.overrides)


@pytest.mark.parametrize(
    ("model", "message"),
    [
        ("tiny@9", r"^tiny@9: no such version in .*/served/tiny: there are 4$"),
        ("shakespeare", r"^no pushed model of 'shakespeare' is here: run 'lexmill run shakespeare' first"),
    ],
)
def test_a_model_that_is_not_there_is_one_line(shared, model, message):
    with pytest.raises(MissingInputError, match=message):
        finding.find(model, None, shared.overrides)


def test_a_stage_from_the_cache_is_shown_as_the_run_that_made_it(lineage):
    assert [(step.stage, step.run_id) for step in lineage.steps] == [
        ("CorpusGen", FIRST), ("TokenizerTrainer", SECOND), ("Trainer", SECOND), ("Evaluator", SECOND),
        ("Pusher", SECOND),
    ]  # fmt: skip
    assert lineage.run_id == SECOND
    assert lineage.code[FIRST] is not None
    assert lineage.code[SECOND] is None


def test_what_each_stage_took_from_which_is_told_once(lineage):
    assert sorted(lineage.edges) == [
        ("CorpusGen", "TokenizerTrainer", "examples"), ("CorpusGen", "Trainer", "examples"),
        ("Evaluator", "Pusher", "model_blessing"), ("Pusher", "served", "pushed_model"),
        ("TokenizerTrainer", "Trainer", "tokenizer"), ("Trainer", "Evaluator", "model"),
        ("Trainer", "Pusher", "model"), ("source files", "CorpusGen", "text"),
    ]  # fmt: skip


def test_the_files_come_with_their_hashes_and_the_artifacts_with_what_is_in_them(lineage):
    assert [(file.source, file.path, file.sha256) for file in lineage.files] == [
        ("plays", "a.txt", "a" * 64), ("plays", "b.txt", "b" * 64), ("tales", "c.txt", None),
    ]  # fmt: skip
    found = {step.stage: dict(step.facts) for step in lineage.steps}
    assert found["CorpusGen"]["documents"].startswith("3 documents")
    assert found["TokenizerTrainer"]["sha256"] == hashlib.sha256(b"pieces").hexdigest()
    assert found["Evaluator"] == {
        "verdict": "2.500 bits per byte, perplexity 9.0: blessed (nothing to compare with yet)",
        "source:plays": "2.500 bits per byte",
    }


def test_a_training_that_started_from_a_pushed_model_says_from_which(lineage):
    start, _ = lineage.step("Trainer").facts
    assert start == ("started from", f"version 3, weights sha256 {'d' * 64}")


def test_a_model_says_what_its_tokens_saw_in_training(tmp_path):
    write_model(tmp_path / "Format-Serving")
    told = {fact.name: fact.value for fact in facts._model(SimpleNamespace(uri=str(tmp_path)))}
    assert told["a token saw"] == "its own document before it"


def test_an_artifact_that_is_gone_is_said_to_be(lineage, shared):
    _, fact = lineage.step("Trainer").facts
    assert (fact.name, fact.value.partition(" (")[0]) == ("model", f"gone: {shared.root}/gone")


def test_the_text_has_every_stage_from_the_last_to_the_first_and_the_files(lineage):
    console = Console(width=300, record=True, file=io.StringIO())
    console.print(text.tree(lineage))
    lines = [line.rstrip() for line in console.export_text().splitlines()]
    assert lines[0].startswith("tiny version 4 in /")
    stages = [line.split()[1] for line in lines if line.startswith(("├── ", "└── "))]
    assert stages[-6:] == ["Pusher", "Evaluator", "Trainer", "TokenizerTrainer", "CorpusGen", "source"]
    assert any(line.endswith(f"{'a' * 64}    1.0 kB plays: a.txt") for line in lines)
    assert any(line.endswith("from TokenizerTrainer (tokenizer); CorpusGen (examples)") for line in lines)


def test_of_many_files_the_first_are_shown_and_the_rest_counted(lineage):
    files = lineage.files * 10
    assert len(list(text.file_lines(files, False))) == text.SHOWN_FILES + 1
    assert list(text.file_lines(files, False))[-1] == "… and 10 more: --files"
    assert len(list(text.file_lines(files, True))) == 30


def test_the_command_writes_the_picture_the_page_and_json(shared, tmp_path, capsys):
    show_lineage("tiny", None, shared.overrides, f"{tmp_path}/l.html", f"{tmp_path}/l.svg", False, False)
    assert capsys.readouterr().out == f"wrote {tmp_path}/l.html\nwrote {tmp_path}/l.svg\n"
    show_lineage("tiny", None, shared.overrides, None, None, False, True)
    found = json.loads(capsys.readouterr().out)
    assert found["files"][0]["sha256"] == "a" * 64
    assert {step["stage"] for step in found["steps"]} >= {"CorpusGen", "Pusher"}
    assert (tmp_path / "l.svg").read_text().startswith('<svg class="lineage-graph" xmlns="http')
    with pytest.raises(ConfigError, match=r"l.pdf: expected a name that ends in .svg"):
        show_lineage("tiny", None, shared.overrides, None, "l.pdf", False, False)


def test_the_page_shows_every_stage_and_hash_and_nothing_leaves_its_box(lineage, tmp_path, browser_page):
    (tmp_path / "page.html").write_text(page.render(lineage))
    opened = browser_page(f"file://{tmp_path}/page.html", viewport={"width": 1000, "height": 800})
    nodes = opened.locator(".node")
    assert nodes.count() == len(lineage.steps) + 2
    for index in range(nodes.count()):
        box = nodes.nth(index).locator("rect").bounding_box()
        for line in nodes.nth(index).locator("text").all():
            inner = line.bounding_box()
            assert inner["x"] + inner["width"] <= box["x"] + box["width"]
            assert inner["y"] + inner["height"] <= box["y"] + box["height"]
    opened.locator("summary").click()
    assert opened.get_by_text("a" * 64, exact=True).is_visible()
    assert opened.locator("path.edge").count() == len({edge[:2] for edge in lineage.edges})
