from __future__ import annotations

import numpy as np
import pytest

from components.protos import Example
from components.sequence_packer import row_codec


def by_protobuf(row: list[list[int]], num_bytes: int) -> bytes:
    """As the runtime writes it."""
    example = Example()
    features = example.features.feature
    for name, values in zip(("token_ids", "segment_ids", "loss_mask"), row, strict=True):
        features[name].int64_list.value.extend(values)
    features["num_bytes"].int64_list.value.append(num_bytes)
    for name, value in (("source", "prosé"), ("language", "fr"), ("length", "<256")):
        features[name].bytes_list.value.append(value.encode())
    return bytes(example.SerializeToString(deterministic=True))


@pytest.mark.parametrize(
    ("largest_id", "width"), [(1, 2), (127, 9), (128, 60), (16_383, 129), (16_384, 129), (1 << 21, 300)]
)
def test_the_bytes_are_those_of_the_protobuf_runtime(largest_id: int, width: int) -> None:
    random = np.random.default_rng(0)
    token_ids = random.integers(0, largest_id + 1, (30, width), dtype=np.int32)
    token_ids[0, 0], token_ids[1] = largest_id, 0
    segment_ids = np.cumsum(random.integers(0, 3, (30, width), dtype=np.int32), axis=1)
    loss_mask = random.integers(0, 2, (30, width)).astype(np.int8)
    num_bytes = random.integers(0, 70_000, 30)

    records = row_codec.encode_rows(token_ids, segment_ids, loss_mask, num_bytes, "prosé", "fr", "<256")

    arrays = [array.tolist() for array in (token_ids, segment_ids, loss_mask)]
    expected = [by_protobuf(list(row), int(size)) for *row, size in zip(*arrays, num_bytes, strict=True)]
    assert records == expected
