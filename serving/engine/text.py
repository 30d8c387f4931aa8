"""From tokens to text as it grows: no half characters, and nothing of a stop string.

A token may hold part of a character, and a stop string may begin in one token and end
in another. So text is given out once it can no longer change: complete characters that
cannot be the beginning of a stop string. For example, with the stop string ``"end"``::

    tokens   "the e"   "n"   "tire"   " en"   "d."
    text     "the "    ""    "entir"  "e "    stopped

Bytes that are not UTF-8 become one U+FFFD each, as SentencePiece's own decoder has it.
"""

from __future__ import annotations

import codecs
from collections.abc import Sequence


def _one_mark_a_byte(error: UnicodeError) -> tuple[str, int]:
    assert isinstance(error, UnicodeDecodeError)
    return "\ufffd" * (error.end - error.start), error.end


codecs.register_error("lexmill_mark_bytes", _one_mark_a_byte)

_Decoder = codecs.getincrementaldecoder("utf-8")


def text_of(tokens: Sequence[bytes]) -> str:
    """The text of whole tokens, at once."""
    return b"".join(tokens).decode("utf-8", "lexmill_mark_bytes")


class TextStream:
    """Collects one continuation's tokens."""

    def __init__(self, stop: Sequence[str] = ()) -> None:
        """Empty stop strings are ignored."""
        self._stop = tuple(text for text in stop if text)
        self._decoder = _Decoder("lexmill_mark_bytes")
        self._held = ""
        self.stopped = False
        """A stop string was found; what follows is ignored."""

    def add(self, token: bytes) -> str:
        """Text that is certain now."""
        if self.stopped:
            return ""
        self._held += self._decoder.decode(token)
        return self._release()

    def finish(self) -> str:
        """The rest; nothing may be added afterwards."""
        if self.stopped:
            return ""
        self._held += self._decoder.decode(b"", final=True)
        text = self._release()
        if self.stopped:
            return text
        rest, self._held = self._held, ""
        return text + rest

    def _release(self) -> str:
        found = [index for text in self._stop if (index := self._held.find(text)) >= 0]
        if found:
            self.stopped = True
            text, self._held = self._held[: min(found)], ""
            return text
        keep = max((_overlap(self._held, text) for text in self._stop), default=0)
        end = len(self._held) - keep
        text, self._held = self._held[:end], self._held[end:]
        return text


def _overlap(text: str, stop: str) -> int:
    """Length of the longest end of ``text`` that begins ``stop``."""
    longest = min(len(text), len(stop) - 1)
    return next((size for size in range(longest, 0, -1) if text.endswith(stop[:size])), 0)
