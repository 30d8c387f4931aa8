"""Text in chunks on which a unigram model's search is exact: its lines, and pieces of long ones.

SentencePiece adds scores up in single precision along a whole text. Where two ways to cut it are equally
likely, as spaces before words have many, rounding decides, and TensorFlow's release rounds otherwise than
Python's: of 3,050 short documents of one sample, seven had other ids. After a hundred thousand tokens, scores
count in steps of an eighth. So a model that is made here has scores in whole steps of 1/32, of which sums up
to 2^19 are exact: those of `MAX_CHARACTERS` characters at 32 each, more than the least likely one costs.

A longer text is encoded line by line. As no learnt piece crosses a line end
(`components.tokenizer_trainer.training`), its tokens are those of the text as a whole: ``"a b\\n\\nc"`` is
``"a b\\n\\n"`` and ``"c"``. A line that is longer itself is cut after every `MAX_CHARACTERS`, wherever that
is: as a whole, one of 400,000 characters had other tokens in TensorFlow, 11 of 119,523, and one of 1,500,000
most of them.
"""

from __future__ import annotations

import re

LINE_END = r"\n+"
"""A chunk ends after it."""
MAX_CHARACTERS = 2**14
_STEP = 1 / 32
_LINE = re.compile(r"[^\n]*\n+|[^\n]+")


def cut(text: str) -> list[str]:
    """Joined, the chunks are the text."""
    if len(text) <= MAX_CHARACTERS:
        return [text]
    return [
        line[start : start + MAX_CHARACTERS]
        for line in _LINE.findall(text)
        for start in range(0, len(line), MAX_CHARACTERS)
    ]


def rounded(score: float) -> float:
    """The nearest score that is in whole steps."""
    return round(score / _STEP) * _STEP
