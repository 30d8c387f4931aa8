r"""Repetition within a document, and Gopher's limits to it (Rae et al., arXiv 2112.11446, table A1).

Lines and paragraphs (between blank lines) are compared without white space around them; blank ones do not
count. N-grams are of words between white space, and shares are of the words' characters, so that white space
is neither above nor below the bar. What "occurred before" is counted, not its first occurrence; a word
within several repeated n-grams counts once.

A repeated n-gram holds two repeated (n-1)-grams, so longer ones are sought only where shorter ones were
found: text without a repeated 5-gram costs one pass.

Worked example: ``"a b\na b\nc"`` has 3 lines, of which 1 occurred before: 33 % of the lines, and 3 of 7
characters. In ``"x y x y x z"`` the 2-gram ``x y`` occurs twice: 4 of 6 characters.
"""

from __future__ import annotations

import collections
from collections.abc import Iterable, Sequence

from components.corpus_gen.cleaning.reason import Reason
from components.corpus_gen.cleaning.settings import GopherRepetitionConfig

_TOP_SIZES = (2, 3, 4)
_REPEATED_SIZES = (5, 6, 7, 8, 9, 10)


def judge(text: str, limits: GopherRepetitionConfig) -> Reason | None:
    """The first limit that a text is above; None to keep it."""
    return _judge_parts(text, limits) or _judge_ngrams(text.split(), limits)


def duplicate_shares(parts: Iterable[str]) -> tuple[float, float]:
    """Shares of the parts, and of their characters, in parts that occurred before."""
    kept = [part for part in map(str.strip, parts) if part]
    distinct = set(kept)
    if len(distinct) == len(kept):
        return 0.0, 0.0
    characters = sum(map(len, kept))
    return 1 - len(distinct) / len(kept), 1 - sum(map(len, distinct)) / characters


def top_ngram_share(words: Sequence[str], size: int) -> float:
    """Share of the words' characters in the most frequent n-gram, if it occurs twice or more."""
    if len(words) < size:
        return 0.0
    counts = collections.Counter(zip(*(words[start:] for start in range(size)), strict=False))
    most = max(counts.values())
    if most < 2:
        return 0.0
    longest = max(sum(map(len, ngram)) for ngram, count in counts.items() if count == most)
    return min(1.0, longest * most / sum(map(len, words)))


def repeated_ngram_shares(words: Sequence[str], sizes: Sequence[int]) -> list[float]:
    """For each size, in rising order, the share of the words' characters in n-grams that occurred before."""
    total = sum(map(len, words))
    candidates: Sequence[int] = range(len(words) - sizes[0] + 1) if sizes else ()
    shares = []
    for size in sizes:
        by_ngram: dict[tuple[str, ...], list[int]] = {}
        for start in candidates:
            by_ngram.setdefault(tuple(words[start : start + size]), []).append(start)
        groups = [starts for starts in by_ngram.values() if len(starts) > 1]
        covered = {word for starts in groups for start in starts[1:] for word in range(start, start + size)}
        shares.append(sum(len(words[word]) for word in covered) / max(1, total))
        repeated = {start for starts in groups for start in starts}
        candidates = sorted(
            start for start in repeated if start + 1 in repeated and start + size < len(words)
        )
    return shares


def _judge_parts(text: str, limits: GopherRepetitionConfig) -> Reason | None:
    line_share, line_characters = duplicate_shares(text.split("\n"))
    paragraph_share, paragraph_characters = duplicate_shares(text.split("\n\n"))
    for name, found, most, what in (
        ("lines", line_share, limits.duplicate_lines, "lines occurred before"),
        ("paragraphs", paragraph_share, limits.duplicate_paragraphs, "paragraphs occurred before"),
        (
            "line_characters",
            line_characters,
            limits.duplicate_line_characters,
            "characters are in lines that occurred before",
        ),
        (
            "paragraph_characters",
            paragraph_characters,
            limits.duplicate_paragraph_characters,
            "characters are in paragraphs that occurred before",
        ),
    ):
        if found > most:
            return Reason(
                f"gopher_duplicate_{name}", f"{found:.0%} of the {what}, at most {most:.0%} allowed"
            )
    return None


def _judge_ngrams(words: list[str], limits: GopherRepetitionConfig) -> Reason | None:
    for size, most in zip(_TOP_SIZES, limits.top_ngram_characters, strict=True):
        share = top_ngram_share(words, size)
        if share > most:
            return Reason(
                f"gopher_top_{size}_gram",
                f"{share:.0%} of the characters are in the most frequent {size}-gram, "
                f"at most {most:.0%} allowed",
            )
    shares = repeated_ngram_shares(words, _REPEATED_SIZES)
    for size, share, most in zip(_REPEATED_SIZES, shares, limits.duplicate_ngram_characters, strict=True):
        if share > most:
            return Reason(
                f"gopher_duplicate_{size}_grams",
                f"{share:.0%} of the characters are in {size}-grams that occurred before, "
                f"at most {most:.0%} allowed",
            )
    return None
