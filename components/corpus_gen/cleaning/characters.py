r"""Unicode repair and normalisation, control characters and white space: text to text.

Each function is total (any string without surrogates) and idempotent, and leaves clean text alone.
Worked example, in the order of `steps`: ``"cafÃ©\x00  noir \r\n\r\n\r\n\r\n\tthé"`` is repaired to
``"café\x00  noir \r\n…"``, loses the NUL, and with one blank line kept becomes ``"café noir\n\n\tthé"``.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Literal

from components.corpus_gen.cleaning import packages

MAX_REPAIRS = 8
"""Wrong decodings on top of each other that are undone; ``ftfy`` itself finds all of one kind."""

_TO_LINE_END = re.compile("[\x0b\x0c\x85]")
# C0 and C1 controls but tab, line feed and carriage return; the byte order mark; noncharacters.
_UNWANTED = re.compile(
    "[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\ufdd0-\ufdef\ufeff"
    + "".join(f"{chr(plane + 0xFFFE)}{chr(plane + 0xFFFF)}" for plane in range(0, 0x110000, 0x10000))
    + "]"
)
_TRAILING = re.compile(r"[^\S\r\n]+(?=[\r\n]|\Z)")
_REPEATED = re.compile(r"(?<=[^\s])(?:[ \t]{2,}|\t)(?=[^\s])")
_BLANK_LINE = r"(?:[^\S\n]*\n)"


def repair(text: str) -> str:
    """Undoes wrong decodings, such as UTF-8 read as Latin-1, until none is found.

    Nothing but encodings is touched: no quotes, ligatures, entities, widths or line ends.
    """
    ftfy = packages.require("ftfy", "cleaning.repair")
    config = ftfy.TextFixerConfig(
        unescape_html=False,
        remove_terminal_escapes=False,
        fix_latin_ligatures=False,
        fix_character_width=False,
        uncurl_quotes=False,
        fix_line_breaks=False,
        remove_control_chars=False,
        normalization=None,
    )
    if text.isascii():
        return text
    for _ in range(MAX_REPAIRS):
        repaired: str = ftfy.fix_text(text, config)
        if repaired == text:
            break
        text = repaired
    return text


def remove_control_characters(text: str) -> str:
    r"""``"a\x00b\x0cc" -> "ab\nc"``: what separates stays a separator."""
    return _UNWANTED.sub("", _TO_LINE_END.sub("\n", text))


def unify_line_ends(text: str) -> str:
    r"""``"a\r\nb\rc\n" -> "a\nb\nc\n"``."""
    return text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text


def normalize(text: str, form: Literal["NFC", "NFKC"]) -> str:
    """One of Unicode's normal forms."""
    return text if unicodedata.is_normalized(form, text) else unicodedata.normalize(form, text)


def strip_trailing_spaces(text: str) -> str:
    r"""``"a \nb\t" -> "a\nb"``."""
    return _TRAILING.sub("", text)


def collapse_spaces(text: str) -> str:
    r"""``"  a \t b" -> "  a b"``: indentation, and spaces at a line's end, stay."""
    return _REPEATED.sub(" ", text)


def limit_blank_lines(text: str, most: int) -> str:
    r"""``limit_blank_lines("a\n\n\n\nb", 1) -> "a\n\nb"``; also at the text's start and end.

    A line ends with a line feed here; a carriage return before it belongs to the line.
    """
    kept = re.compile(rf"((?:\A|(?<=\n)){_BLANK_LINE}{{{most}}}){_BLANK_LINE}+")
    return kept.sub(r"\1", text)
