"""What differs between two runs."""

import dataclasses
import io
import json

from rich.console import Console

from components.corpus_gen.counts import Amount, CorpusCounts, SourceCounts
from components.corpus_gen.source_files import SourceFile
from components.evaluator.summary import EvaluationSummary
from pipeline.code_version import CodeVersion
from pipeline.comparison import differences, text
from pipeline.comparison.differences import Change
from pipeline.comparison.sides import Side


def _files(**hashes):
    return {
        ("s", name): SourceFile(source="s", path=name, num_bytes=1, sha256=sha)
        for name, sha in hashes.items()
    }


def _evaluation(**bits):
    return EvaluationSummary(
        blessed=True, baseline="", metrics={name: {"bits_per_byte": value} for name, value in bits.items()}
    )


def _counts(documents):
    kept = {"train": Amount(documents=documents, num_bytes=10)}
    return CorpusCounts(splits=("train",), sources={"s": SourceCounts(read=documents, kept=kept)})


ONE = Side(
    pipeline="tiny", run_id="1", configuration={"model": {"num_layers": 2}, "name": "tiny"},
    counts=_counts(3), files=_files(a="1", b="2"),
    code=CodeVersion(release="1", python="3", system="L", packages={"numpy": "1"}),
    evaluation=_evaluation(overall=2.5),
)  # fmt: skip


def test_a_run_differs_from_itself_in_nothing():
    found = differences.compare(ONE, ONE)
    assert (found.configuration, found.counts, found.code) == ((), (), ())
    assert found.files == differences.Files(num_same=2)
    assert [change.difference for change in found.metrics] == [0.0]


def test_fields_are_compared_by_name_also_within_lists_of_named_tables():
    one = {"corpus": {"sources": [{"name": "a", "weight": 1.0}, {"name": "b", "weight": 1.0}]}, "n": [1, 2]}
    other = {"corpus": {"sources": [{"name": "b", "weight": 2.0}, {"name": "c", "weight": 1.0}]}, "n": [1, 3]}
    assert differences.changes(one, other) == (
        Change("corpus.sources.a", {"name": "a", "weight": 1.0}, None),
        Change("corpus.sources.b.weight", 1.0, 2.0),
        Change("corpus.sources.c", None, {"name": "c", "weight": 1.0}),
        Change("n", [1, 2], [1, 3]),
    )


def test_files_are_the_same_changed_renamed_added_or_removed():
    before = _files(same="1", changed="2", old_name="3", gone="4", unread=None)
    after = _files(same="1", changed="9", new_name="3", new="5", unread=None)
    found = differences.compare_files(before, after)
    assert found.num_same == 1
    assert [change.field for change in found.changed] == ["s: changed", "s: unread"]
    assert [(change.one, change.other) for change in found.renamed] == [("s: old_name", "s: new_name")]
    assert (found.added, found.removed) == (("s: new",), ("s: gone",))


def test_metrics_are_compared_by_slice_with_their_difference():
    other = dataclasses.replace(ONE, evaluation=_evaluation(overall=2.25, plays=3.0))
    overall, plays = differences.compare(ONE, other).metrics
    assert (overall.field, overall.difference) == ("overall: bits_per_byte", -0.25)
    assert (plays.field, plays.one, plays.other, plays.difference) == (
        "plays: bits_per_byte",
        None,
        3.0,
        None,
    )


def test_what_a_side_did_not_record_is_not_called_different():
    bare = Side("tiny", "2", {}, None, None, None, None)
    found = differences.compare(ONE, bare)
    assert [found.configuration, found.counts, found.files, found.code, found.metrics] == [None] * 5
    shown = _text(found)
    assert shown.count("not comparable: ") == 5


def test_the_text_names_every_difference_and_json_holds_them_all():
    other = dataclasses.replace(
        ONE,
        run_id="2",
        configuration={"model": {"num_layers": 6}, "name": "tiny"},
        counts=_counts(4),
        files=_files(b="7", **{f"new{number}": str(number + 10) for number in range(30)}),
        code=CodeVersion(release="1", python="3", system="L", packages={"numpy": "2"}),
        evaluation=_evaluation(overall=2.0),
    )
    found = differences.compare(ONE, other)
    shown = _text(found)
    for line in (
        "tiny 1 → tiny 2", "model.num_layers 2 6 +4", "sources.s.read 3 4 +1", "removed s: a",
        "changed s: b 2 → 7", "added … and 10 more: --json", "packages.numpy 1 2",
        "overall: bits_per_byte 2.5 2 -0.5",
    ):  # fmt: skip
        assert line in " ".join(shown.split()), line
    assert len(json.loads(json.dumps(found.as_json()))["files"]["added"]) == 30


def _text(found):
    console = Console(width=200, record=True, file=io.StringIO())
    console.print(text.sections(found))
    return console.export_text()
