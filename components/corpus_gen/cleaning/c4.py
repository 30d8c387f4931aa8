r"""C4's rules on pages (Raffel et al., arXiv 1910.10683, section 2.2).

Its rules on lines are a text step (`lines`), which in C4 came before these. Its list of bad words is not
here. Worked example: ``"Just one sentence."`` has 1 sentence, at least 3 wanted (``c4_sentences``).
"""

from __future__ import annotations

import re

from components.corpus_gen.cleaning.reason import Reason
from components.corpus_gen.cleaning.settings import C4Config

_SENTENCE_END = re.compile(r"""[.!?]+["'”’)\]]*(?=\s|\Z)|[。！？]+[」』”]*""")


def judge(text: str, limits: C4Config) -> Reason | None:
    """The first rule that a text is against; None to keep it."""
    if not limits.allow_curly_brackets and "{" in text:
        return Reason("c4_curly_bracket", f"a curly bracket at character {text.index('{'):,}")
    if not limits.allow_lorem_ipsum:
        found = text.lower().find("lorem ipsum")
        if found >= 0:
            return Reason("c4_lorem_ipsum", f"'lorem ipsum' at character {found:,}")
    count = num_sentences(text)
    if count < limits.min_sentences:
        return Reason("c4_sentences", f"{count} sentences, at least {limits.min_sentences} wanted")
    return None


def num_sentences(text: str) -> int:
    """Sentence ends: terminal punctuation before white space; in Chinese and Japanese, anywhere.

    ``num_sentences('He said "no." 3.14 is pi! 好。') -> 3``; a closing sentence without one counts, too.
    """
    ends = list(_SENTENCE_END.finditer(text))
    rest = text[ends[-1].end() :] if ends else text
    return len(ends) + bool(rest.strip())
