r"""FineWeb's own rules (Penedo et al., arXiv 2406.17557, section 3.6), for lists and menus taken for text.

Lines are those that are not blank. Worked example: of the lines ``Home``, ``About`` and ``The end.``, one of
three ends in terminal punctuation (33 %, more than 12 % wanted), and all three are shorter than 30 characters
(100 %, less than 67 % allowed): ``fineweb_short_lines``.
"""

from __future__ import annotations

from components.corpus_gen.cleaning import repetition
from components.corpus_gen.cleaning.lines import TERMINAL
from components.corpus_gen.cleaning.reason import Reason
from components.corpus_gen.cleaning.settings import FineWebConfig

SHORT_LINE = 30
"""Characters."""


def judge(text: str, limits: FineWebConfig) -> Reason | None:
    """The first rule that a text is against; None to keep it."""
    lines = [line for line in map(str.strip, text.split("\n")) if line]
    if not lines:
        return Reason("fineweb_empty", "no line that is not blank")
    punctuated = sum(line.endswith(TERMINAL) for line in lines) / len(lines)
    if punctuated <= limits.min_punctuated_lines:
        return Reason(
            "fineweb_punctuation",
            f"{punctuated:.0%} of the lines end in terminal punctuation, "
            f"more than {limits.min_punctuated_lines:.0%} wanted",
        )
    short = sum(len(line) < SHORT_LINE for line in lines) / len(lines)
    if short >= limits.max_short_lines:
        return Reason(
            "fineweb_short_lines",
            f"{short:.0%} of the lines are shorter than {SHORT_LINE} characters, "
            f"less than {limits.max_short_lines:.0%} allowed",
        )
    _, repeated = repetition.duplicate_shares(lines)
    if repeated >= limits.max_duplicate_line_characters:
        return Reason(
            "fineweb_duplicate_lines",
            f"{repeated:.0%} of the characters are in lines that occurred before, "
            f"less than {limits.max_duplicate_line_characters:.0%} allowed",
        )
    return None
