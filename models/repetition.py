"""How much generated text repeats itself: shares of repeated and of distinct n-grams. Pure.

`repeated_share` is seq-rep-n of Welleck et al. (arXiv 1908.04319, section 6.1): the share of a text's
n-grams that occurred before in it. `distinct` is distinct-n of Li et al. (arXiv 1510.03055, section 5.2):
the different n-grams of all texts together, divided by the number of tokens. Both depend on how long the
texts are, and the second on how many there are, so they are compared between texts of the same number and
length.

Worked example, n = 2: ``a b a b a b`` has the 5 bigrams ab, ba, ab, ba, ab, of which 2 are different: 3/5 are
repeated. With ``c d`` beside it there are 3 different bigrams in 8 tokens: distinct-2 is 0.375.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence

Tokens = Sequence[Hashable]


def repeated_share(tokens: Tokens, n: int = 4) -> float:
    """Of one text; NaN where it has fewer than ``n`` tokens."""
    found = _ngrams(tokens, n)
    return 1.0 - len(set(found)) / len(found) if found else math.nan


def distinct(texts: Sequence[Tokens], n: int) -> float:
    """Of all texts together; NaN where they have no token."""
    num_tokens = sum(len(tokens) for tokens in texts)
    different = {ngram for tokens in texts for ngram in _ngrams(tokens, n)}
    return len(different) / num_tokens if num_tokens else math.nan


def _ngrams(tokens: Tokens, n: int) -> list[tuple[Hashable, ...]]:
    return [tuple(tokens[start : start + n]) for start in range(len(tokens) - n + 1)]
