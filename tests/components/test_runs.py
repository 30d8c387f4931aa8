from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest
from apache_beam.io import tfrecordio
from hypothesis import given
from hypothesis import strategies as st

from components import runs, tfrecords
from components.errors import CorpusError
from components.sequence_packer import keyed_rows, placed_documents
from components.sequence_packer.keyed_rows import KeyedRows
from components.sequence_packer.packing import TokenizedDocument
from components.sequence_packer.placed_documents import PlacedDocument

PLACES = st.tuples(st.sampled_from(["a/é.txt", "b.txt", "b.txt.gz"]), st.integers(1, 9))
IDS = st.lists(st.integers(0, 70_000), max_size=6)


def placed(path: str, line: int, ids: list[int]) -> PlacedDocument:
    return PlacedDocument(
        path, line, TokenizedDocument(np.array(ids, np.int32), 3 * len(ids), len(ids) // 2, line)
    )


def plain(item: PlacedDocument) -> tuple[object, ...]:
    document = item.document
    sizes = (document.num_bytes, document.num_prompt_tokens, document.num_prompt_bytes)
    return (item.path, item.line, document.token_ids.tolist(), *sizes)


@given(st.lists(st.tuples(PLACES, IDS), max_size=9))
def test_documents_come_out_of_blocks_as_they_went_in(
    entries: list[tuple[tuple[str, int], list[int]]],
) -> None:
    items = [placed(*place, ids) for place, ids in entries]

    found = list(placed_documents.from_blocks(placed_documents.to_blocks(items)))

    assert list(map(plain, found)) == list(map(plain, items))


@given(st.dictionaries(PLACES, IDS, max_size=20), st.integers(1, 4))
def test_runs_of_documents_are_merged_by_place(entries: dict[tuple[str, int], list[int]], count: int) -> None:
    items = [placed(*place, ids) for place, ids in entries.items()]
    parts = [sorted(items[start::count], key=placed_documents.place) for start in range(count)]

    merged = list(placed_documents.in_order(parts))

    assert list(map(plain, merged)) == sorted(map(plain, items))


def test_two_documents_with_one_id_are_an_error_of_one_line() -> None:
    twice = [[placed("a.txt", 3, [5])], [placed("a.txt", 3, [6])]]
    with pytest.raises(CorpusError, match=r"two documents have the id 'a.txt#3'"):
        list(placed_documents.in_order(twice))


@given(
    st.lists(st.tuples(st.binary(max_size=30), st.integers(0, 2)), min_size=1, max_size=12),
    st.integers(1, 3),
    st.integers(1, 3),
)
def test_runs_of_rows_are_merged_by_key(
    entries: list[tuple[bytes, int]], num_runs: int, num_shards: int
) -> None:
    rows, copies = zip(*entries, strict=True)
    few = pytest.MonkeyPatch()
    few.setattr(keyed_rows, "BLOCK_BYTES", 40)
    keyed = KeyedRows.of(rows, copies)
    found: list[bytes] = []
    for shard in keyed.by_shard(num_shards):
        parts = [shard[start : start + 2] for start in range(0, len(shard.rows), 2)]
        sorted_runs = [KeyedRows.in_order(part) for n in range(num_runs) if (part := parts[n::num_runs])]
        blocks = [list(keyed_rows.to_blocks(run)) for run in sorted_runs]
        assert all(len(block) <= 4 + 40 + 42 for run in blocks for block in run)
        found += keyed_rows.merged(map(keyed_rows.from_blocks, blocks))
    few.undo()

    def place(taken: tuple[bytes, int]) -> tuple[int, bytes, bytes]:
        key = keyed_rows.key_of(*taken)
        return int.from_bytes(key, "big") % num_shards, key, taken[0]

    taken = [(row, copy) for row, count in entries for copy in range(count)]
    assert found == [row for row, _ in sorted(taken, key=place)]


def test_different_rows_with_one_key_are_in_the_order_of_their_bytes() -> None:
    parts = [
        KeyedRows(np.array([7, 9], np.uint64), [b"b", b"c"]),
        KeyedRows(np.array([7], np.uint64), [b"a"]),
    ]
    assert list(keyed_rows.merged([iter([part]) for part in parts])) == [b"a", b"b", b"c"]


def test_each_copy_of_a_row_has_a_place_of_its_own() -> None:
    assert len(set(KeyedRows.of([b"row"], [100]).keys.tolist())) == 100


def test_a_file_holds_a_run_for_each_key(tmp_path: Path) -> None:
    written = runs.write(str(tmp_path), [("a", [b"one", b"", b"three"]), ("b", []), ("c", [b"four"])])

    assert {key: list(runs.read(run)) for key, run in written} == {
        "a": [b"one", b"", b"three"],
        "b": [],
        "c": [b"four"],
    }
    assert len(list(tmp_path.iterdir())) == 1


def test_records_come_out_of_a_file_as_they_went_in_and_leave_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "staging").mkdir()
    records = [b"", b"one", bytes(300_000)]

    tfrecords.write(str(tmp_path / "a.gz"), iter(records), str(tmp_path / "staging"))

    assert list(tfrecords.read(str(tmp_path / "a.gz"))) == records
    with gzip.open(tmp_path / "a.gz") as file:
        assert [tfrecordio._TFRecordUtil.read_record(file) for _ in range(4)] == [*records, None]
    assert not list((tmp_path / "staging").iterdir())
