from __future__ import annotations

import collections

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.corpus_gen.cleaning import c4, fineweb, gopher, lines, repetition
from components.corpus_gen.cleaning.settings import (
    C4Config,
    FineWebConfig,
    GopherConfig,
    GopherRepetitionConfig,
)

TEXTS = st.text(st.characters(exclude_categories=["Cs"]))
FEW_WORDS = st.lists(st.sampled_from(["a", "bb", "ccc"]), max_size=60)
PROSE = (
    "It was the best of times, it was the worst of times, it was the age of wisdom, and that was the age of "
    "foolishness.\nThe spring of hope came with the epoch of belief, and all of us have to be going direct "
    "to Heaven.\nIn short, the period was so far like the present one that some of its noisiest authorities "
    "insisted on its being received, for good or for evil, in the superlative degree of comparison only.\n"
)
JUDGES = {
    "gopher": lambda text: gopher.judge(text, GopherConfig()),
    "gopher_repetition": lambda text: repetition.judge(text, GopherRepetitionConfig()),
    "c4": lambda text: c4.judge(text, C4Config()),
    "fineweb": lambda text: fineweb.judge(text, FineWebConfig()),
}


@pytest.mark.parametrize("judge", JUDGES.values(), ids=JUDGES)
def test_prose_passes(judge) -> None:
    assert judge(PROSE) is None


@pytest.mark.parametrize("judge", JUDGES.values(), ids=JUDGES)
@given(TEXTS)
def test_every_text_has_a_verdict(judge, text: str) -> None:
    reason = judge(text)

    assert reason is None or (reason.rule and "\n" not in reason.detail)


@pytest.mark.parametrize(
    ("text", "rule", "detail"),
    [
        ("# a # b", "gopher_words", "4 words, 50 to 100,000 allowed"),
        ("the # of " * 40, "gopher_word_length", "words of 2.00 characters on average, 3 to 10 allowed"),
        (PROSE + "# " * 20, "gopher_symbols", "0.20 hash signs a word, at most 0.1 allowed"),
        (PROSE + "well ... " * 15, "gopher_symbols", "0.14 ellipses a word, at most 0.1 allowed"),
        (
            "- " + PROSE.replace("\n", "\n- ").removesuffix("- "),
            "gopher_bullets",
            "100% of the lines start with a bullet, at most 90% allowed",
        ),
        (
            PROSE + "and so on…\n" * 2,
            "gopher_ellipses",
            "40% of the lines end with an ellipsis, at most 30% allowed",
        ),
        (
            "the of " * 12 + "1234 " * 40,
            "gopher_letters",
            "38% of the words have a letter, at least 80% wanted",
        ),
        (
            "words without meaning " * 20,
            "gopher_stop_words",
            "0 of the stop words and be have of that the to with, at least 2 wanted",
        ),
    ],
)
def test_gopher_says_which_rule_and_what_it_found(text: str, rule: str, detail: str) -> None:
    assert gopher.judge(text, GopherConfig()) == (rule, detail)


def test_the_shares_of_what_occurred_before_are_the_docstrings() -> None:
    assert repetition.duplicate_shares(["a b", "a b", "c"]) == (
        pytest.approx(1 / 3),
        pytest.approx(3 / 7),
    )
    assert repetition.top_ngram_share(["x", "y", "x", "y", "x", "z"], 2) == pytest.approx(4 / 6)


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("\n".join(["one line", "another", "one line", "one line"]), "gopher_duplicate_lines"),
        (("a long paragraph\n\n" * 2) + "b\nc\nd\ne\nf\ng", "gopher_duplicate_paragraphs"),
        (
            "\n".join(["a line that is long enough", *"bcde", "a line that is long enough"]),
            "gopher_duplicate_line_characters",
        ),
        ("of the " * 5 + "seventeen different words stand here", "gopher_top_2_gram"),
    ],
)
def test_repetition_says_which_limit(text: str, rule: str) -> None:
    reason = repetition.judge(text, GopherRepetitionConfig())

    assert reason is not None
    assert reason.rule == rule


@given(FEW_WORDS)
def test_repeated_ngrams_are_those_of_a_slow_search(words: list[str]) -> None:
    def slowly(size: int) -> float:
        seen: set[tuple[str, ...]] = set()
        covered: set[int] = set()
        for start in range(len(words) - size + 1):
            ngram = tuple(words[start : start + size])
            if ngram in seen:
                covered |= set(range(start, start + size))
            seen.add(ngram)
        return sum(len(words[index]) for index in covered) / max(1, sum(map(len, words)))

    sizes = (3, 4, 5, 6)
    assert repetition.repeated_ngram_shares(words, sizes) == [slowly(size) for size in sizes]


@given(FEW_WORDS)
def test_the_top_ngram_is_that_of_a_slow_search(words: list[str]) -> None:
    counts = collections.Counter((words[i], words[i + 1]) for i in range(len(words) - 1))
    most = max(counts.values(), default=0)
    longest = max((len(a) + len(b) for (a, b), n in counts.items() if n == most), default=0)
    expected = min(1.0, longest * most / sum(map(len, words))) if most > 1 else 0.0

    assert repetition.top_ngram_share(words, 2) == expected


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("Just one sentence.", ("c4_sentences", "1 sentences, at least 3 wanted")),
        ("One. Two. Three. {", ("c4_curly_bracket", "a curly bracket at character 17")),
        ("One. Two. Lorem IPSUM. Four.", ("c4_lorem_ipsum", "'lorem ipsum' at character 10")),
        ("One. Two! Three?", None),
        ("一。二！三？", None),
    ],
)
def test_c4_says_which_rule(text: str, reason: tuple[str, str] | None) -> None:
    assert c4.judge(text, C4Config()) == reason


def test_decimals_end_no_sentence() -> None:
    assert c4.num_sentences('He said "no." 3.14 is pi! 好。') == 3


def test_c4_keeps_sentences_and_drops_menus_and_notices() -> None:
    text = (
        "Home\nIt was the best of times.\nToo short.\nPlease enable JavaScript to view this page.\n"
        "See our Privacy Policy at the end of this page.\nAnd so it went on and on...\n"
        "“It was the worst of times.”\nNo punctuation at the end of it"
    )

    assert lines.keep_sentences(text) == "It was the best of times.\n“It was the worst of times.”"


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("Home\nAbout\nThe end.", "fineweb_short_lines"),
        ("\n".join(["a line without a full stop at its end"] * 2), "fineweb_punctuation"),
        ("A line that is long enough to count as one.\n" * 2, "fineweb_duplicate_lines"),
        ("\n \n", "fineweb_empty"),
    ],
)
def test_fineweb_says_which_rule(text: str, rule: str) -> None:
    reason = fineweb.judge(text, FineWebConfig())

    assert reason is not None
    assert reason.rule == rule


def test_the_published_thresholds_are_the_defaults() -> None:
    """Table A1 of Gopher."""
    limits = GopherRepetitionConfig()

    assert limits.top_ngram_characters == (0.20, 0.18, 0.16)
    assert limits.duplicate_ngram_characters == (0.15, 0.14, 0.13, 0.12, 0.11, 0.10)
