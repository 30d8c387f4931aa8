"""How byte-pair tokenizers cut text into words before they merge: GPT-2's rule, for two regex engines.

The rule (Radford et al., 2019; ``encoder.py`` of their code): an English contraction's end, or letters, or
digits, or other signs, each with one space before them; or whitespace, whose last character stays with
what follows when it can. That last clause is a lookahead, which RE2, TensorFlow's engine, lacks. So text is
cut twice: first before each whitespace character that something else follows (`Patterns.edge`), then each
part into words (`Patterns.word`):

    "a  cat\\n"  ->  "a ", " cat", "\\n"  ->  "a", " ", " cat", "\\n"

Letters and digits are spelt out as ranges of characters, from this Python's Unicode tables: Python's and
RE2's tables differ by version, and the same text must give the same words in both.
"""

from __future__ import annotations

import functools
import re
import sys
import unicodedata
from collections.abc import Callable, Iterable
from typing import NamedTuple

_WHITESPACE = (
    *((9, 13), (32, 32), (0x85, 0x85), (0xA0, 0xA0), (0x1680, 0x1680), (0x2000, 0x200A)),
    *((0x2028, 0x2029), (0x202F, 0x202F), (0x205F, 0x205F), (0x3000, 0x3000)),
)
"""Unicode's property White_Space, unchanged since version 6.3."""


class Patterns(NamedTuple):
    """Regular expressions in one engine's syntax."""

    edge: str
    """One whitespace character and what follows up to the next: text is cut before and after it."""
    word: str


@functools.cache
def for_python() -> Patterns:
    return _patterns(lambda code: f"\\U{code:08x}")


@functools.cache
def for_re2() -> Patterns:
    return _patterns(lambda code: f"\\x{{{code:x}}}")


@functools.cache
def _compiled() -> tuple[re.Pattern[str], re.Pattern[str]]:
    edge, word = for_python()
    return re.compile(edge), re.compile(word)


def words(text: str) -> list[str]:
    """``"it's  12 cats" -> "it", "'s", " ", " 12", " cats"``; joined, they are the text."""
    edge, word = _compiled()
    found: list[str] = []
    position = 0
    for match in edge.finditer(text):
        found += word.findall(text, position, match.start())
        found += word.findall(text, match.start(), match.end())
        position = match.end()
    return found + word.findall(text, position)


def _patterns(escape: Callable[[int], str]) -> Patterns:
    def characters(ranges: Iterable[tuple[int, int]]) -> str:
        return "".join(f"{escape(first)}-{escape(last)}" for first, last in ranges)

    letters, digits = (characters(_category_ranges(initial)) for initial in "LN")
    spaces = characters(_WHITESPACE)
    other = f"[^{spaces}{letters}{digits}]"
    alternatives = ["'(?:s|t|re|ve|m|ll|d)", f" ?[{letters}]+", f" ?[{digits}]+", f" ?{other}+"]
    return Patterns(f"[{spaces}][^{spaces}]+", "|".join([*alternatives, f"[{spaces}]+"]))


def _category_ranges(initial: str) -> list[tuple[int, int]]:
    """First and last code points of the runs of characters whose general category begins so."""
    ranges: list[tuple[int, int]] = []
    for code in range(sys.maxunicode + 1):
        if unicodedata.category(chr(code))[0] == initial:
            if ranges and ranges[-1][1] == code - 1:
                ranges[-1] = (ranges[-1][0], code)
            else:
                ranges.append((code, code))
    return ranges
