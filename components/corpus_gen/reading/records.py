"""What reading a file gives: the text of each document, or why there is none."""

from __future__ import annotations

from typing import NamedTuple

from components.corpus_gen.rejections import MALFORMED

UTF8 = f"{MALFORMED}:utf8"
JSON = f"{MALFORMED}:json"
TABLE = f"{MALFORMED}:table"
FIELDS = f"{MALFORMED}:fields"
PARQUET = f"{MALFORMED}:parquet"
HTML = f"{MALFORMED}:html"
COMPRESSION = f"{MALFORMED}:compression"
FORMAT = f"{MALFORMED}:format"
TOO_LARGE = f"{MALFORMED}:too_large"
UNREADABLE = f"{MALFORMED}:unreadable"


class Passage(NamedTuple):
    """The text of one document, and where it starts."""

    line: int
    text: str
    num_prompt_bytes: int = 0

    @property
    def lacks_completion(self) -> bool:
        """Whether there is a prompt and nothing after it."""
        return self.num_prompt_bytes > 0 and self.num_prompt_bytes == len(self.text.encode())


class Malformed(NamedTuple):
    """One record that cannot be read, where it starts, and why, in a line that goes after the file's name."""

    line: int
    reason: str
    detail: str
    text: str = ""
    """As much of it as helps to find the fault."""


Record = Passage | Malformed


class UnreadableFileError(Exception):
    """From here on nothing can be read; the two arguments are reason and detail of a `Malformed`."""


def too_large(line: int, what: str, num_bytes: int, max_bytes: int, text: str = "") -> Malformed:
    """``num_bytes`` is a lower bound where the rest was not read."""
    return Malformed(
        line,
        TOO_LARGE,
        f"{what} has {num_bytes:,} bytes or more, and corpus.max_document_bytes allows {max_bytes:,}: "
        "cut it up, or raise the limit",
        text,
    )
