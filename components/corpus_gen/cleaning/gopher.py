r"""Gopher's rules on words and lines (Rae et al., arXiv 2112.11446, appendix A.1.1).

Words are what stands between white space; lines are those that are not blank. Worked example, with the
published thresholds: ``"# a # b"`` has 4 words, at least 50 wanted (``gopher_words``); forty times
``"the # of "`` has 120 words, of mean length 2.0, at least 3 wanted (``gopher_word_length``).
"""

from __future__ import annotations

from components.corpus_gen.cleaning.reason import Reason
from components.corpus_gen.cleaning.settings import GopherConfig

STOP_WORDS = frozenset(("the", "be", "to", "of", "and", "that", "have", "with"))
_BULLETS = ("•", "‣", "▶", "◀", "◦", "■", "□", "▪", "▫", "–", "-", "*", "·", "●")
_ELLIPSES = ("...", "…")


def judge(text: str, limits: GopherConfig) -> Reason | None:
    """The first rule that a text is against; None to keep it."""
    words = text.split()
    return (
        _length(words, limits)
        or _word_length(words, limits)
        or _symbols(text, len(words), limits)
        or _lines(text, limits)
        or _letters(words, limits)
        or _stop_words(words, limits)
    )


def _length(words: list[str], limits: GopherConfig) -> Reason | None:
    if limits.min_words <= len(words) <= limits.max_words:
        return None
    return Reason(
        "gopher_words", f"{len(words):,} words, {limits.min_words:,} to {limits.max_words:,} allowed"
    )


def _word_length(words: list[str], limits: GopherConfig) -> Reason | None:
    mean = sum(map(len, words)) / max(1, len(words))
    low, high = limits.min_mean_word_length, limits.max_mean_word_length
    if not words or low <= mean <= high:
        return None
    return Reason(
        "gopher_word_length", f"words of {mean:.2f} characters on average, {low:g} to {high:g} allowed"
    )


def _symbols(text: str, num_words: int, limits: GopherConfig) -> Reason | None:
    most = limits.max_symbol_to_word_ratio
    counts = {"hash signs": text.count("#"), "ellipses": text.count("...") + text.count("…")}
    for symbol, count in counts.items():
        ratio = count / max(1, num_words)
        if ratio > most:
            return Reason("gopher_symbols", f"{ratio:.2f} {symbol} a word, at most {most:g} allowed")
    return None


def _lines(text: str, limits: GopherConfig) -> Reason | None:
    lines = [line for line in map(str.strip, text.split("\n")) if line]
    bullets = sum(line.startswith(_BULLETS) for line in lines) / max(1, len(lines))
    if bullets > limits.max_bullet_lines:
        return Reason(
            "gopher_bullets",
            f"{bullets:.0%} of the lines start with a bullet, at most {limits.max_bullet_lines:.0%} allowed",
        )
    ellipses = sum(line.endswith(_ELLIPSES) for line in lines) / max(1, len(lines))
    if ellipses > limits.max_ellipsis_lines:
        return Reason(
            "gopher_ellipses",
            f"{ellipses:.0%} of the lines end with an ellipsis, "
            f"at most {limits.max_ellipsis_lines:.0%} allowed",
        )
    return None


def _letters(words: list[str], limits: GopherConfig) -> Reason | None:
    share = sum(any(map(str.isalpha, word)) for word in words) / max(1, len(words))
    if not words or share >= limits.min_alphabetic_words:
        return None
    return Reason(
        "gopher_letters",
        f"{share:.0%} of the words have a letter, at least {limits.min_alphabetic_words:.0%} wanted",
    )


def _stop_words(words: list[str], limits: GopherConfig) -> Reason | None:
    found = STOP_WORDS.intersection(word.lower().strip(".,;:!?\"'()[]") for word in words)
    if len(found) >= limits.min_stop_words:
        return None
    return Reason(
        "gopher_stop_words",
        f"{len(found)} of the stop words {' '.join(sorted(STOP_WORDS))}, "
        f"at least {limits.min_stop_words} wanted",
    )
