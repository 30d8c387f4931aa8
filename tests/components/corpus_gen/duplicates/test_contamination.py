import json

import numpy as np
import pytest

from components.corpus_gen.duplicates import contamination
from components.corpus_gen.duplicates.contamination import Passages

ITEM = "to be or not to be"


def test_the_worked_example():
    against = contamination.passages(ITEM, num_words=3, min_words=3)
    hits = contamination.shared("he said to be or not", against)
    assert len(hits) == 2
    assert contamination.first_shared("He said: To be, or not", hits, against.lengths) == "to be or"
    for ngram in ("to be or", "be or not"):
        assert len(contamination.shared(ngram, against)) == 1


def test_a_text_without_a_common_ngram_shares_nothing():
    against = contamination.passages(ITEM, 3, 3)
    assert len(contamination.shared("to be and not or to be", against)) == 0
    assert len(contamination.shared("", against)) == 0


def test_an_item_shorter_than_an_ngram_is_looked_for_as_a_whole():
    against = contamination.passages(ITEM, num_words=13, min_words=6)
    assert against.lengths == (6,)
    assert len(contamination.shared(f"whether {ITEM} that is", against)) == 1
    assert len(contamination.shared("to be or not to", against)) == 0


def test_an_item_that_is_too_short_is_not_looked_for():
    assert len(contamination.passages(ITEM, num_words=13, min_words=7).hashes) == 0


def test_items_of_several_lengths_are_looked_for_together():
    items = [contamination.passages(text, 5, 3) for text in ("one two three", "a b c d e f")]
    against = contamination.unite(items, 100)
    assert against.lengths == (3, 5)
    assert len(contamination.shared("one two three a b c d e f", against)) == 3


def test_the_smallest_hashes_stand_for_all_in_any_grouping():
    random = np.random.default_rng(1)
    parts = [Passages(np.unique(random.integers(0, 2**64, 50, np.uint64)), (13,)) for _ in range(4)]
    whole = contamination.unite(parts, 60)
    by_parts = contamination.unite(
        [contamination.unite(parts[2:], 60), contamination.unite(parts[:2], 60)], 60
    )
    assert len(whole.hashes) == 60
    np.testing.assert_array_equal(whole.hashes, by_parts.hashes)
    np.testing.assert_array_equal(whole.hashes, np.sort(np.concatenate([p.hashes for p in parts]))[:60])


def test_uniting_nothing_gives_nothing():
    assert contamination.unite([], 10).hashes.size == 0


@pytest.mark.parametrize(
    ("line", "texts"),
    [
        (json.dumps({"question": "Who?", "choices": ["He", "She"]}), ["Who? He She", "Who?", "He", "She"]),
        (json.dumps({"prompt": "Only this", "number": 3}), ["Only this"]),
        ("A line of plain text.\n", ["A line of plain text.\n"]),
        (json.dumps({"number": 3}), []),
    ],
)
def test_the_texts_of_a_task_are_its_strings(line, texts):
    assert list(contamination.task_texts(line)) == texts
