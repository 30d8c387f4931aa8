import random

from hypothesis import given
from hypothesis import strategies as st

from models.memorisation import Run, VerbatimRuns

TEXTS = st.lists(st.text(alphabet="ab é", max_size=12), max_size=4)


def _longest(texts, documents):
    runs = VerbatimRuns(texts)
    for document in documents:
        runs.read(document)
    return runs.longest()


def _slow(text, documents):
    """The first of the longest parts of ``text`` in any document, by looking at every part."""
    parts = [
        Run(start, length)
        for length in range(len(text), 0, -1)
        for start in range(len(text) - length + 1)
        if any(text[start : start + length] in document for document in documents)
    ]
    return parts[0] if parts else Run(0, 0)


def test_the_documented_example_gives_the_documented_run():
    [run] = _longest(["the cat sat"], ["a cat sat", "the dog"])
    assert run == Run(3, 8)
    assert "the cat sat"[run.start :] == " cat sat"


@given(TEXTS, TEXTS)
def test_runs_are_those_of_a_slow_search(texts, documents):
    assert _longest(texts, documents) == [_slow(text, documents) for text in texts]


def test_a_run_across_two_documents_is_none():
    assert _longest(["abcd"], ["ab", "cd"]) == [Run(0, 2)]


def test_a_text_copied_out_of_long_training_text_is_found_whole():
    draw = random.Random(0)
    documents = ["".join(draw.choice("abcdefgh ") for _ in range(5000)) for _ in range(4)]
    copied = documents[2][1000:1200]
    [run, other] = _longest(["??" + copied + "!", "0123"], documents)
    assert run == Run(2, 200)
    assert other == Run(0, 0)
