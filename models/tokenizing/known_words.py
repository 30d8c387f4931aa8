r"""Tokens of text by words that were encoded before.

In a language most words come again and again, and a byte-pair encoder works a microsecond a character each
time. Where no piece of a vocabulary reaches across some places of a text, its byte-pair encoding is that of
the parts between these places, joined: a merge makes a piece, so none reaches across, and merges of one part
change nothing in another. So each part is encoded once, and then looked up.

Which places these are depends on the vocabulary: `cut_for` tries the rules of `_CUTS`, the finest first, on
every piece. A rule looks at two neighbours only, so a pair that it cuts in some text is a pair that it
cuts in a piece. With the pieces ``" the"``, ``"."`` and ``".\n"``, ``"\n the cat."`` has the parts
``"\n"``, ``" the"``, ``" cat"`` and ``"."``.

For unigram models this does not hold to the last bit: their scores are sums of floats over the whole text.

Kept are the parts of the text read last, in two generations: a part that is asked for again moves from the
older to the newer; when that is full it becomes the older, and what was only there is forgotten. Memory: at
most `_KEPT` parts of at most `_LONGEST` characters in each, some 60 MB in all. On enwik8 this encodes three
times as much a second as encoding text by text.
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Callable, Iterable, Sequence
from typing import final

import numpy as np

_KEPT = 150_000
_LONGEST = 40

_OTHERS = r"\x00-\x1f!-@\[-`{-\x7f"
"""ASCII without letters and the space."""
_CUTS = (
    re.compile(rf" *(?:[^ {_OTHERS}]+|[{_OTHERS}]+)|  *"),  # before and after letters, and before spaces
    re.compile(r" *[^ \n]+\n*| *\n+| +"),  # after line ends and before spaces
    re.compile(r" *[^ ]+| +"),  # before spaces
)


EncodeMany = Callable[[Sequence[str]], Sequence[Sequence[int]]]
"""Texts to the ids of each."""


@final
class KnownWords:
    """Encodes texts by their parts."""

    def __init__(self, cut: re.Pattern[str], encode: EncodeMany) -> None:
        self._parts = cut.findall
        self._encode = encode
        self._new: dict[str, bytes] = {}
        """Part -> its ids, int32, as bytes."""
        self._old: dict[str, bytes] = {}

    def ids(self, text: str) -> np.ndarray:
        """Token ids of ``text``, int32 ``(tokens,)``."""
        parts = self._parts(text)
        found: list[bytes | None] = list(map(self._new.get, parts))
        places = _places_of_none(found)
        if places:
            others = self._others({parts[place] for place in places})
            for place in places:
                found[place] = others[parts[place]]
        return np.frombuffer(b"".join(found), np.int32)  # type: ignore[arg-type]

    def _others(self, parts: Iterable[str]) -> dict[str, bytes]:
        """Of parts that are not in the newer generation; then they are."""
        others: dict[str, bytes] = {}
        unknown: list[str] = []
        for part in parts:
            ids = self._old.get(part)
            if ids is None:
                unknown.append(part)
            else:
                others[part] = ids
        if unknown:
            for part, encoded in zip(unknown, self._encode(unknown), strict=True):
                others[part] = array("i", encoded).tobytes()
        if len(self._new) >= _KEPT:
            self._old, self._new = self._new, {}
        self._new.update({part: ids for part, ids in others.items() if len(part) <= _LONGEST})
        return others


def _places_of_none(found: Sequence[bytes | None]) -> list[int]:
    places: list[int] = []
    index = -1
    try:
        while True:
            index = found.index(None, index + 1)
            places.append(index)
    except ValueError:
        return places


def cut_for(pieces: Iterable[str]) -> re.Pattern[str] | None:
    """The finest cut that no piece reaches across; None where each is crossed."""
    listed = [piece for piece in pieces if piece]
    for cut in _CUTS:
        if all(cut.match(piece).end() == len(piece) for piece in listed):  # type: ignore[union-attr]
            return cut
    return None
