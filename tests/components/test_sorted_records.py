from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from components import runs, sorted_records


def test_the_worked_example() -> None:
    blocks = [[np.array([1, 4, 9])], [np.array([2, 3, 5])]]

    found = [array.tolist() for array in sorted_records.merge(map(iter, blocks))]

    assert found == [[1, 2, 3, 4, 5], [9]]


@given(st.lists(st.lists(st.binary(min_size=3, max_size=3), max_size=20), max_size=5), st.integers(1, 4))
def test_several_runs_become_one_in_the_order_of_bytes(parts: list[list[bytes]], length: int) -> None:
    dtype = sorted_records.dtype_of(3)
    arrays = [np.frombuffer(b"".join(sorted(part)), dtype) for part in parts]
    blocks = [iter([array[i : i + length] for i in range(0, len(array), length)]) for array in arrays]

    found = list(sorted_records.merge(blocks))

    assert all(len(array) for array in found)
    assert b"".join(array.tobytes() for array in found) == b"".join(sorted(itertools.chain(*parts)))


def test_records_come_back_from_disk_a_few_blocks_at_a_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sorted_records, "_BLOCK_BYTES", 80)
    numbers = np.random.default_rng(1).integers(0, 1000, 1000).astype(np.uint64)
    parts = [(None, sorted_records.to_blocks(np.sort(part))) for part in np.split(numbers, 4)]

    found = list(sorted_records.in_order([run for _, run in runs.write(str(tmp_path), parts)], numbers.dtype))

    assert np.concatenate(found).tolist() == sorted(numbers.tolist())
    assert max(map(len, found)) <= 4 * 10


@pytest.mark.parametrize("num_parts", [1, 3, 1000])
def test_ranges_of_hashes_are_all_of_them_in_order(num_parts: int) -> None:
    hashes = np.sort(np.random.default_rng(1).integers(0, 2**64, 500, np.uint64))

    found = list(sorted_records.by_range(hashes, hashes, num_parts))

    assert np.concatenate([piece for _, piece in found]).tolist() == hashes.tolist()
    assert all(int(one) * num_parts >> 64 == part for part, piece in found for one in piece)
