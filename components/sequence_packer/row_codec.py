"""Packed rows to records: serialized ``tf.train.Example``s, many at a time.

The protobuf runtime takes a row's numbers one Python integer at a time, 29 microseconds for a row of 129
tokens. Here a block of rows becomes bytes by a few operations on whole arrays, 7 a row. The bytes are those
that the runtime gives under deterministic serialisation, features sorted by name; a test compares.

Worked example, the wire format of one feature: ``source = "ab"`` is

    0a 10                       field 1 of Features, an entry of 16 bytes
       0a 06 s o u r c e        its key
       12 06                    its value, a Feature
          0a 04 0a 02 a b       a BytesList with one string

Source: protobuf.dev/programming-guides/encoding.
"""

from __future__ import annotations

import functools

import numpy as np

from models.features import LANGUAGE, LENGTH, LOSS_MASK, NUM_BYTES, SEGMENT_IDS, SOURCE, TOKEN_IDS

_BYTES_LIST, _INT64_LIST = b"\x0a", b"\x1a"
"""Tags of the kinds of `Feature`."""


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
    columns = [
        [_text(LANGUAGE, language)] * count,
        [_text(LENGTH, length)] * count,
        _packed(LOSS_MASK, loss_mask),
        _packed(NUM_BYTES, num_bytes[:, np.newaxis]),
        _packed(SEGMENT_IDS, segment_ids),
        [_text(SOURCE, source)] * count,
        _packed(TOKEN_IDS, token_ids),
    ]
    return [_field(b"\x0a", b"".join(row)) for row in zip(*columns, strict=True)]


def _text(name: str, value: str) -> bytes:
    """The entry of a feature of one string."""
    return _entry(name, _BYTES_LIST, _field(b"\x0a", value.encode()))


def _packed(name: str, values: np.ndarray) -> list[bytes]:
    """By row, the entry of a feature of integers."""
    content, ends = _varints(values)
    data, starts = content.tobytes(), [0, *ends[:-1]]
    return [
        _integers_header(name, end - start) + data[start:end] for start, end in zip(starts, ends, strict=True)
    ]


def _varints(values: np.ndarray) -> tuple[np.ndarray, list[int]]:
    """All values as protobuf writes integers, seven bits a byte, and where each row's bytes end."""
    num_rows, width = values.shape
    largest = int(values.max(initial=0))
    if largest < 1 << 7:
        return values.astype(np.uint8), list(range(width, (num_rows + 1) * width, width))
    num_parts = -(-largest.bit_length() // 7)
    shifted = values[..., np.newaxis] >> (7 * np.arange(num_parts, dtype=values.dtype))
    written, more = shifted > 0, shifted >= 1 << 7
    written[..., 0] = True
    parts = (shifted & 0x7F).astype(np.uint8)
    parts[more] |= 0x80
    return parts[written], np.cumsum(written.sum(axis=(1, 2))).tolist()


@functools.lru_cache(maxsize=4096)
def _integers_header(name: str, num_bytes: int) -> bytes:
    """What stands before the packed integers of a feature."""
    placeholder = bytes(num_bytes)
    entry = _entry(name, _INT64_LIST, _field(b"\x0a", placeholder))
    return entry[: len(entry) - num_bytes]


def _entry(name: str, kind: bytes, values: bytes) -> bytes:
    feature = _field(kind, values)
    return _field(b"\x0a", _field(b"\x0a", name.encode()) + _field(b"\x12", feature))


def _field(tag: bytes, content: bytes) -> bytes:
    return tag + _length(len(content)) + content


def _length(value: int) -> bytes:
    parts = []
    while value > 0x7F:
        parts.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*parts, value])
