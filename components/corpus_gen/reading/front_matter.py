"""The metadata at the head of a Markdown file, which is no part of its text.

YAML between two lines ``---``, or TOML between two lines ``+++``, as static site generators have it: the
first line of the file opens it, and it has at most `MAX_LINES` lines. A file that opens one and does not
close it has none: it starts with a rule.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator

from components.corpus_gen.reading.lines import Line

MAX_LINES = 500
_MARKS = (b"---", b"+++")


def drop(lines: Iterable[Line]) -> Iterator[Line]:
    """The lines after the metadata, with their own numbers; all of them if there is none."""
    iterator = iter(lines)
    head = list(itertools.islice(iterator, 1))
    mark = head[0].content.rstrip() if head else b""
    if mark not in _MARKS:
        return itertools.chain(head, iterator)
    for line in itertools.islice(iterator, MAX_LINES):
        head.append(line)
        if line.content.rstrip() == mark:
            return iterator
    return itertools.chain(head, iterator)
