"""Parquet: one document a row, of string columns; a document's place is its row, from 1.

Only the columns asked for are read, a few rows at a time. Memory: a row group's pages of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import IO, Any

from components.corpus_gen.reading.fields import Fields
from components.corpus_gen.reading.records import (
    FIELDS,
    PARQUET,
    UTF8,
    Malformed,
    Record,
    UnreadableFileError,
)

_BATCH_ROWS = 64


def records(stream: IO[bytes], fields: Fields, max_bytes: int) -> Iterator[Record]:
    """A document a row."""
    import pyarrow
    from pyarrow import parquet

    number = 0
    try:
        file = parquet.ParquetFile(stream)
        names = file.schema_arrow.names
        fault = fields.missing(1, "the file", names) or _not_text(file.schema_arrow, fields)
        if fault is not None:
            yield fault
            return
        for batch in file.iter_batches(batch_size=_BATCH_ROWS, columns=fields.columns):
            columns = [batch.column(name) for name in fields.columns]
            for row in range(batch.num_rows):
                number += 1
                yield _record(columns, row, number, fields, max_bytes)
    except (pyarrow.ArrowException, OSError, ValueError) as error:
        why = " ".join(str(error).split())[:200]
        raise UnreadableFileError(
            PARQUET, f"not valid Parquet after row {number} ({why}); copy or write the file again"
        ) from error


def _record(columns: list[Any], row: int, number: int, fields: Fields, max_bytes: int) -> Record:
    where = f"row {number}"
    try:
        values = {name: column[row].as_py() for name, column in zip(fields.columns, columns, strict=True)}
    except UnicodeDecodeError as error:
        return Malformed(number, UTF8, f"{where} is not UTF-8 ({error.reason}); write the file again")
    return fields.record(number, where, values, max_bytes)


def _not_text(schema: Any, fields: Fields) -> Malformed | None:
    import pyarrow

    for part in fields.parts:
        for column in part.columns:
            found = schema.field(column).type
            dictionary = pyarrow.types.is_dictionary(found)
            values = found.value_type if dictionary else found
            if not (pyarrow.types.is_string(values) or pyarrow.types.is_large_string(values)):
                why = f"the file's column {column!r} has the type {found}, not string"
                return Malformed(1, FIELDS, f"{why}; set {part.setting} to one that has")
    return None
