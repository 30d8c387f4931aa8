"""Which hashes are in a sorted array."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.corpus_gen.duplicates.sieve import Sieve

HASHES = st.lists(st.integers(0, 2**64 - 1), max_size=40).map(lambda found: np.array(found, np.uint64))


@given(HASHES, HASHES)
def test_what_is_in_the_array_is_found_and_nothing_else(array: np.ndarray, asked: np.ndarray) -> None:
    asked = np.concatenate([asked, array[::2]])
    expected = asked[np.isin(asked, array)]
    np.testing.assert_array_equal(Sieve(np.unique(array)).among(asked), expected)


@pytest.mark.parametrize("count", [1 << 20, (1 << 20) + 1, 3_000_000])
def test_arrays_of_several_chunks_are_found_whole(count: int) -> None:
    array = np.arange(count, dtype=np.uint64) * np.uint64((1 << 64) // count)
    sieve = Sieve(array)
    np.testing.assert_array_equal(sieve.among(array), array)
    assert not len(sieve.among(array + np.uint64(1)))


def test_most_of_what_is_not_there_meets_no_bit() -> None:
    array, asked = np.random.default_rng(0).integers(0, 2**64, (2, 100_000), np.uint64)
    sieve = Sieve(np.unique(array))
    places, masks = sieve._places(asked)
    assert np.mean((sieve._bits[places] & masks) != 0) < 1 / 8
