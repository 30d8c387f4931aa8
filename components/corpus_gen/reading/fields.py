"""From the columns of a record to a document's text: which, in which order, and with what between.

A template is text with columns in braces, ``"English: {en}\\nFrench: "``; a brace is written twice. A text
of which every column is empty is empty, whatever stands around them. Of a prompt and a completion, the
document is the one followed by the other: ``{"q": "2+2=", "a": "4"}`` gives ``"2+2=4"``, 4 bytes of which
are the prompt.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

from components.config import SourceConfig, template_parts
from components.corpus_gen.reading.records import FIELDS, Malformed, Passage, Record, too_large


@dataclasses.dataclass(frozen=True)
class Part:
    """One text to make."""

    setting: str
    """The field of the configuration that says how."""
    pieces: tuple[tuple[str, str | None], ...]
    """``(literal text, the column after it or None)``."""

    @property
    def columns(self) -> list[str]:
        return [column for _, column in self.pieces if column is not None]

    def text(self, values: Mapping[str, str]) -> str:
        if self.columns and not any(values[column] for column in self.columns):
            return ""
        return "".join(
            literal + (values[column] if column is not None else "") for literal, column in self.pieces
        )


@dataclasses.dataclass(frozen=True)
class Fields:
    """How a source's records become documents: one part, or a prompt and a completion."""

    parts: tuple[Part, ...]

    @classmethod
    def of(cls, source: SourceConfig) -> Fields:
        if source.has_prompts:
            return cls((_part(source, "prompt"), _part(source, "completion")))
        return cls((_part(source, "text"),))

    @property
    def columns(self) -> list[str]:
        """Each once, in the order in which they are first used."""
        return list(dict.fromkeys(column for part in self.parts for column in part.columns))

    def passage(self, line: int, values: Mapping[str, str]) -> Passage:
        texts = [part.text(values) for part in self.parts]
        return Passage(line, "".join(texts), len(texts[0].encode()) if len(texts) == 2 else 0)

    def missing(self, line: int, where: str, found: Sequence[str]) -> Malformed | None:
        """If ``found`` lacks a column: which, and what to set."""
        for part in self.parts:
            for column in part.columns:
                if column not in found:
                    names = ", ".join(repr(name) for name in found[:20]) or "none"
                    detail = f"{where} has no column {column!r}, only: {names}; set {part.setting}"
                    return Malformed(line, FIELDS, f"{detail} to what is there")
        return None

    def record(self, line: int, where: str, values: Mapping[str, object], max_bytes: int) -> Record:
        """Of values of any type, of which those asked for must be text; null is an empty one, as it is in a
        table that went through CSV."""
        missing = self.missing(line, where, list(values))
        if missing is not None:
            return missing
        texts: dict[str, str] = {}
        for part in self.parts:
            for column in part.columns:
                value = "" if values[column] is None else values[column]
                fault = _fault_of(value, column)
                if fault:
                    return Malformed(line, FIELDS, f"{where} {fault}; correct it, or set {part.setting}")
                texts[column] = str(value)
        return self.within(line, where, texts, max_bytes)

    def within(self, line: int, where: str, texts: Mapping[str, str], max_bytes: int) -> Record:
        """`passage`, if its text is not over the limit."""
        passage = self.passage(line, texts)
        if len(passage.text) * 4 > max_bytes:
            size = len(passage.text.encode())
            if size > max_bytes:
                return too_large(line, f"the text of {where}", size, max_bytes, passage.text[:1000])
        return passage


def _part(source: SourceConfig, name: str) -> Part:
    template: str | None = getattr(source, f"{name}_template")
    if template is not None:
        return Part(f"{name}_template", template_parts(template))
    return Part(f"{name}_column", (("", getattr(source, f"{name}_column")),))


def json_type(value: object) -> str:
    """What JSON calls it, with its article."""
    if isinstance(value, (bool, int, float)):
        return "true or false" if isinstance(value, bool) else "a number"
    names = {"str": "a string", "list": "an array", "dict": "an object", "NoneType": "null"}
    return names[type(value).__name__]


def _fault_of(value: object, column: str) -> str | None:
    if not isinstance(value, str):
        return f"has {json_type(value)} in {column!r}, not a string"
    try:
        value.encode()
    except UnicodeEncodeError as error:
        code = ord(value[error.start])
        return f"escapes half of a surrogate pair (\\u{code:04x}) in {column!r}, which is not a character"
    return None
