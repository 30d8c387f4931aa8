"""Errors of the data stages: each a single line that says what, where, and what to do.

Beam runs the stages' code behind its own machinery, which hands an exception on as
the *text* of a traceback within a ``RuntimeError``. `root_cause` finds ours again, in
a chain of exceptions or in such a text; that is why a message has no line break.
"""

from __future__ import annotations

import re


class StageError(Exception):
    """Base: a stage cannot do its work with what it was given. Running again does not help."""

    def __init__(self, message: str) -> None:
        super().__init__(" ".join(message.split("\n")))


class CorpusError(StageError):
    """The text, or where the configuration says that it is. Who owns the corpus can fix it."""


class VocabularyError(StageError):
    """The tokenizer's settings do not fit the text. Who wrote the configuration can fix it."""


class DataError(StageError):
    """The documents are too unlike those of the run before. Who owns the corpus can accept or correct it."""


class TrainingJobError(StageError):
    """A job on the cluster could not be started, or failed. Whoever runs the cluster can see why."""


_CLASSES = {
    cls.__name__: cls for cls in (StageError, CorpusError, VocabularyError, DataError, TrainingJobError)
}
_IN_TRACEBACK = re.compile(
    rf"^(?:{re.escape(__name__)}\.)?({'|'.join(_CLASSES)}): (.*?)(?: \[while running '.*)?$", re.MULTILINE
)


def root_cause(exc: BaseException) -> StageError | None:
    """The stage's own error behind ``exc``; None if something else went wrong.

    ``RuntimeError("Traceback …\\ncomponents.errors.CorpusError: a.txt: empty [while running 'Read']")``
    becomes ``CorpusError("a.txt: empty")``.
    """
    seen: set[int] = set()
    link: BaseException | None = exc
    while link is not None and id(link) not in seen:
        seen.add(id(link))
        if isinstance(link, StageError):
            return type(link)(re.sub(r" \[while running '.*$", "", str(link)))
        found = _IN_TRACEBACK.findall(str(link))
        if found:
            name, message = found[-1]
            return _CLASSES[name](message)
        link = link.__cause__ or link.__context__
    return None
