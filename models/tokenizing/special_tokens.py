"""Texts that are one token each, wherever they stand: how a text is cut at them, for two regex engines.

From left to right, the longest that begins at a place, none within another: with ``<a>`` and ``<a><b>``,

    "x<a><b><a>"  ->  "x", "<a><b>", "", "<a>", ""

What stands between them is tokenised as a text of its own, so that no other piece can swallow a part of one.
SentencePiece's own user-defined pieces promise as much, but for unigram only weigh more than others.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator


def cut(text: str, pattern: re.Pattern[str]) -> Iterator[tuple[str, bool]]:
    """Parts of ``text``, none of them empty, and whether each is a special token."""
    for index, part in enumerate(pattern.split(text)):
        if part:
            yield part, index % 2 == 1


def for_python(tokens: Iterable[str]) -> re.Pattern[str]:
    """Matches one token, as a group. Of no tokens, nothing."""
    return re.compile(f"({'|'.join(map(re.escape, _longest_first(tokens))) or '(?!)'})")


def for_re2(tokens: Iterable[str]) -> str:
    """The same in the syntax of TensorFlow's engine, where the whole match is the token."""
    return "|".join("".join(map(_escaped, token)) for token in _longest_first(tokens))


def _longest_first(tokens: Iterable[str]) -> list[str]:
    return sorted(tokens, key=lambda token: (-len(token), token))


def _escaped(character: str) -> str:
    """Every sign as ``\\x{7c}``."""
    return character if character.isalnum() else f"\\x{{{ord(character):x}}}"
