"""The evaluation's n-grams on disk."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from components.corpus_gen.duplicates import passages
from components.corpus_gen.duplicates.passages import PassageRun, WaitingPassages

TEXTS = ("to be or not to be that is the question", "whether it is nobler in the mind to suffer")


def _united(folder: Path, max_ngrams: int = 1000) -> PassageRun:
    found = [run for text in TEXTS for run in WaitingPassages(3, 3, str(folder)).of([text])]
    return passages.unite(found, max_ngrams, str(folder))


def test_a_local_file_is_mapped_and_not_copied(tmp_path: Path) -> None:
    hashes = passages.read(_united(tmp_path)).hashes
    assert isinstance(hashes.base, np.memmap)
    assert len(hashes) == 8 + 7


def test_what_is_read_from_elsewhere_is_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    united = _united(tmp_path)
    mapped = passages.read(united)
    monkeypatch.setattr(Path, "is_file", lambda path: False)
    passages.read.cache_clear()
    copied = passages.read(united)
    np.testing.assert_array_equal(copied.hashes, mapped.hashes)
    assert copied.hashes.base is None
    assert copied.lengths == mapped.lengths == (3,)


def test_of_more_ngrams_those_with_the_smallest_hashes_stay(tmp_path: Path) -> None:
    every, some = passages.read(_united(tmp_path)).hashes, passages.read(_united(tmp_path, 4)).hashes
    np.testing.assert_array_equal(some, every[:4])


def test_of_nothing_there_are_no_passages(tmp_path: Path) -> None:
    assert not len(passages.read(passages.unite([], 10, str(tmp_path))).hashes)
