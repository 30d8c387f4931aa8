"""JSONL: one object a line; blank lines are skipped."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator

from components.corpus_gen.reading.fields import Fields, json_type
from components.corpus_gen.reading.lines import Line, decode, without_line_end
from components.corpus_gen.reading.records import FIELDS, JSON, Malformed, Record


def records(lines: Iterable[Line], fields: Fields, max_bytes: int) -> Iterator[Record]:
    """A document a line that is not blank."""
    for line in lines:
        text = decode(line, max_bytes)
        if isinstance(text, Malformed):
            yield text
        elif text.strip():
            yield _record(line.number, without_line_end(text), fields, max_bytes)


def _record(number: int, text: str, fields: Fields, max_bytes: int) -> Record:
    try:
        found = json.loads(text)
    except json.JSONDecodeError as error:
        where = f"line {number}, column {error.colno}"
        why = f"{where} is not JSON ({error.msg}); a jsonl source has one JSON object per line"
        return Malformed(number, JSON, why, text[:1000])
    except (RecursionError, ValueError) as error:
        # A number of more digits than Python converts is a plain ValueError.
        deep = isinstance(error, RecursionError)
        why = "is nested too deep; flatten it" if deep else f"cannot be read ({error})"
        return Malformed(number, JSON, f"line {number} {why}", text[:1000])
    if not isinstance(found, dict):
        example = ", ".join(f'"{column}": "…"' for column in fields.columns)
        why = f"line {number} is {json_type(found)}, not an object; write it as {{{example}}}"
        return Malformed(number, JSON, why, text[:1000])
    record = fields.record(number, f"line {number}", found, max_bytes)
    if isinstance(record, Malformed) and record.reason == FIELDS:
        return record._replace(text=text[:1000])
    return record
