"""Packed rows to records: serialized ``tf.train.Example``s, many at a time.

The protobuf runtime takes a row's numbers one Python integer at a time, 29 microseconds for a row of 129
tokens. Here a block of rows becomes bytes by a few operations on whole arrays, 2 a row: bytes are laid out in
columns, for each value as many as the longest one needs, and those that a row does not need are left out,
of all rows at once. The bytes are those that the runtime gives under deterministic serialisation, features
sorted by name; a test compares.

Worked example, the wire format of one feature: ``source = "ab"`` is

    0a 10                       field 1 of Features, an entry of 16 bytes
       0a 06 s o u r c e        its key
       12 06                    its value, a Feature
          0a 04 0a 02 a b       a BytesList with one string

Source: protobuf.dev/programming-guides/encoding.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from models.features import LANGUAGE, LENGTH, LOSS_MASK, NUM_BYTES, SEGMENT_IDS, SOURCE, TOKEN_IDS

_BYTES_LIST, _INT64_LIST = b"\x0a", b"\x1a"
"""Tags of the kinds of `Feature`."""


class _Columns(NamedTuple):
    """Bytes of some rows, side by side."""

    parts: list[tuple[np.ndarray, np.ndarray]]
    """Bytes, uint8 ``(rows, width)``, and which of them are written, bool of that shape."""
    lengths: np.ndarray
    """How many those are, ``(rows,)``."""

    def __add__(self, other: _Columns) -> _Columns:  # type: ignore[override]
        return _Columns(self.parts + other.parts, self.lengths + other.lengths)

    def rows(self) -> list[bytes]:
        data, written = (np.concatenate(arrays, axis=1) for arrays in zip(*self.parts, strict=True))
        content, ends = data[written].tobytes(), np.cumsum(self.lengths).tolist()
        return [content[start:end] for start, end in zip([0, *ends], ends, strict=False)]


def encode_rows(
    token_ids: np.ndarray,
    segment_ids: np.ndarray,
    loss_mask: np.ndarray,
    num_bytes: np.ndarray,
    source: str,
    language: str = "",
    length: str = "",
) -> list[bytes]:
    """Records of rows, see `models.features.PACKED_ROW`; equal rows, equal bytes.

    Args:
      token_ids: integers ``(rows, sequence_length + 1)``, none negative; as are the other arrays.
      segment_ids: likewise.
      loss_mask: likewise.
      num_bytes: ``(rows,)``.
      source: of all the rows, as are
      language: and
      length: (`slicing`).
    """
    count = len(num_bytes)
    features = (
        _text(LANGUAGE, language, count)
        + _text(LENGTH, length, count)
        + _integers(LOSS_MASK, loss_mask)
        + _integers(NUM_BYTES, num_bytes[:, np.newaxis])
        + _integers(SEGMENT_IDS, segment_ids)
        + _text(SOURCE, source, count)
        + _integers(TOKEN_IDS, token_ids)
    )
    return _field(b"\x0a", features).rows()


def _text(name: str, value: str, count: int) -> _Columns:
    """The entry of a feature of one string."""
    return _entry(name, _BYTES_LIST, _constant(value.encode(), count))


def _integers(name: str, values: np.ndarray) -> _Columns:
    """The entry of a feature of integers, ``(rows, width)``."""
    return _entry(name, _INT64_LIST, _varints(values))


def _entry(name: str, kind: bytes, values: _Columns) -> _Columns:
    key = _field(b"\x0a", _constant(name.encode(), len(values.lengths)))
    feature = _field(kind, _field(b"\x0a", values))
    return _field(b"\x0a", key + _field(b"\x12", feature))


def _field(tag: bytes, content: _Columns) -> _Columns:
    lengths = content.lengths
    return _constant(tag, len(lengths)) + _varints(lengths[:, np.newaxis]) + content


def _constant(value: bytes, count: int) -> _Columns:
    data = np.broadcast_to(np.frombuffer(value, np.uint8), (count, len(value)))
    return _Columns([(data, np.ones(data.shape, bool))], np.full(count, len(value)))


def _varints(values: np.ndarray) -> _Columns:
    """All values as protobuf writes integers, seven bits a byte, the lowest first."""
    num_rows, width = values.shape
    num_parts = max(1, -(-int(values.max(initial=0)).bit_length() // 7))
    data, written = (
        np.empty((num_rows, width, num_parts), np.uint8),
        np.ones((num_rows, width, num_parts), bool),
    )
    lengths = np.full(num_rows, width)
    for part in range(num_parts - 1):
        follows = values >= 0x80
        data[..., part] = (values & 0x7F) + 0x80 * follows
        written[..., part + 1] = follows
        lengths += np.count_nonzero(follows, axis=1)
        values = values >> 7
    data[..., -1] = values
    return _Columns([(data.reshape(num_rows, -1), written.reshape(num_rows, -1))], lengths)
