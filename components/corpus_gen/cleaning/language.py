"""Which language a text is in, told by its bytes: offline, by the model within ``py3langid``.

The model is naive Bayes over 7,480 byte n-grams for 97 languages (Lui and Baldwin, ACL 2012, "langid.py").
Here it is scored over the n-grams that occur rather than over all of them: the same sums, at a
fraction of the time for a short text. At most `SAMPLE` bytes are read, from the text's middle, as texts
often begin and end with notices in another language; so the cost is bounded, about 40 µs a document. What it
does not do: tell languages apart within a text, or say how sure it is, as a naive Bayes posterior is 1.0
or nearly so for whatever it says.

What it is worth was measured by ``tests/benchmarks/language_identification.py``.
"""

from __future__ import annotations

import functools
import lzma
import pickle
import re
from pathlib import Path

import numpy as np

UNDETERMINED = "und"
"""ISO 639-2's code for a text without letters, or without an n-gram that the model knows."""
SAMPLE = 256
"""Bytes of UTF-8."""
_LETTER = re.compile(r"[^\W\d_]")


def identify(text: str) -> str:
    """The ISO 639-1 code of a text's language, or `UNDETERMINED`.

    ``identify("To be, or not to be") -> "en"``; ``identify("1603, 42.") -> "und"``.
    """
    # No more characters than bytes: a long text is not encoded as a whole.
    start = max(0, len(text) - SAMPLE) // 2
    text = text[start : start + SAMPLE]
    if not _LETTER.search(text):
        return UNDETERMINED
    encoded = text.encode()
    start = max(0, len(encoded) - SAMPLE) // 2
    return _model().identify(encoded[start : start + SAMPLE])


@functools.lru_cache(maxsize=1)
def _model() -> _Model:
    return _Model()


class _Model:
    def __init__(self) -> None:
        import py3langid

        # The package's own loader keeps the automaton in a form that is slower to walk.
        with lzma.open(Path(py3langid.__file__).parent / "data" / "model.plzma") as file:
            weights, priors, self._languages, moves, outputs = pickle.load(file)
        self._priors = np.asarray(priors, np.float32)
        self._weights = np.asarray(weights, np.float32).reshape(-1, len(self._priors))
        self._moves: list[int] = list(moves)
        self._outputs = [outputs.get(state, ()) for state in range(len(self._moves) >> 8)]
        """State -> rows of ``_weights``."""

    def identify(self, text: bytes) -> str:
        moves, outputs = self._moves, self._outputs
        state = 0
        found: list[int] = []
        for byte in text:
            state = moves[(state << 8) + byte]
            found += outputs[state]
        if not found:
            return UNDETERMINED
        scores = self._weights[found].sum(axis=0) + self._priors
        return str(self._languages[int(scores.argmax())])
